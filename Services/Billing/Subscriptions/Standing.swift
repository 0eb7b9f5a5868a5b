import Contracts
import Foundation

/// A tenant's subscription, its plan and the current period's quota: what entitlements follow from.
struct Standing: Sendable, Equatable {
    let plan: Plan
    /// What access follows from, grants included.
    let facts: AccessFacts
    /// The end of a trial, whoever counts it.
    let trialEndsAt: Date?
    /// The stretch of time that the allowance is for.
    let period: BillingPeriod
    let allowance: Int64
    let used: Int64
    let reserved: Int64
    /// False for a period that has begun by the clock and that nothing was taken from yet.
    let isPeriodOpen: Bool

    var status: String { facts.status }

    /// The plan's limits, and what was granted instead of them.
    var limits: PlanLimits { PlanLimits(plan, facts.grant) }

    /// What the tenant may do at this instant.
    func access(now: Date) -> BillingRPC.Access {
        facts.access(at: now)
    }

    /// Whether mail goes out at this instant.
    func maySend(now: Date) -> Bool {
        facts.maySend(at: now)
    }

    func entitlements(now: Date) -> BillingRPC.Entitlements {
        let limits = limits
        return BillingRPC.Entitlements(
            plan: plan.code, access: access(now: now), periodStart: period.start, periodEnd: period.end, mailsPerPeriod: allowance,
            mailsUsed: used, mailsReserved: reserved, users: limits.users, workspaces: limits.workspaces, domains: limits.domains,
            mailboxes: limits.mailboxes, leads: limits.leads, apiCallsPerMinute: limits.apiCallsPerMinute)
    }
}

extension AccessFacts {
    /// Whether mail goes out at this instant, and so whether a period that ended is followed by another.
    func maySend(at now: Date) -> Bool {
        let access = access(at: now)
        return access == .full || access == .grace
    }

    /// Of a stored subscription. When a trial at Stripe ends is for Stripe to say: our clock ends only the built-in one, so that nobody who pays
    /// is locked out until the word arrives.
    init(status: String, trialEndsAt: Date?, pastDueSince: Date?, isAtStripe: Bool, grant: AccessGrant?) {
        self.init(status: status, trialEndsAt: isAtStripe ? nil : trialEndsAt, pastDueSince: pastDueSince, grant: grant)
    }
}
