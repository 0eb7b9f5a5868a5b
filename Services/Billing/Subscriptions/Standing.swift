import Contracts
import Foundation

/// A tenant's subscription, its plan and the current period's quota: what entitlements follow from.
struct Standing: Sendable, Equatable {
    let plan: Plan
    let status: String
    let trialEndsAt: Date?
    let period: BillingPeriod
    let allowance: Int64
    let used: Int64
    let reserved: Int64
    /// False for a period that has begun by the clock and that nothing was taken from yet.
    let isPeriodOpen: Bool

    /// What the tenant may do at this instant.
    func access(now: Date) -> BillingRPC.Access {
        Self.access(status: status, trialEndsAt: trialEndsAt, now: now)
    }

    /// From Stripe's word and the clock: a trial that is over leaves everything readable and sends nothing.
    static func access(status: String, trialEndsAt: Date?, now: Date) -> BillingRPC.Access {
        switch status {
        case "trialing": trialEndsAt.map { now < $0 } ?? true ? .full : .readOnly
        case "active": .full
        case "past_due": .grace
        case "canceled", "incomplete_expired": .cancelled
        default: .readOnly
        }
    }

    /// Whether mail goes out at this instant, and so whether a period that ended is followed by another.
    static func maySend(status: String, trialEndsAt: Date?, now: Date) -> Bool {
        let access = access(status: status, trialEndsAt: trialEndsAt, now: now)
        return access == .full || access == .grace
    }

    func entitlements(now: Date) -> BillingRPC.Entitlements {
        BillingRPC.Entitlements(
            plan: plan.code, access: access(now: now), periodStart: period.start, periodEnd: period.end, mailsPerPeriod: allowance,
            mailsUsed: used, mailsReserved: reserved, users: plan.users, workspaces: plan.workspaces, domains: plan.domains,
            mailboxes: plan.mailboxes, leads: plan.leads)
    }
}
