import Contracts
import Foundation

/// A tenant's subscription, its plan and the current period's quota: what entitlements follow from.
struct Standing: Sendable, Equatable {
    let plan: Plan
    let status: String
    let periodStart: Date
    let periodEnd: Date
    let trialEndsAt: Date?
    let allowance: Int64
    let used: Int64
    let reserved: Int64

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

    func entitlements(now: Date) -> BillingRPC.Entitlements {
        BillingRPC.Entitlements(
            plan: plan.code, access: access(now: now), periodStart: periodStart, periodEnd: periodEnd, mailsPerPeriod: allowance,
            mailsUsed: used, mailsReserved: reserved, users: plan.users, workspaces: plan.workspaces, domains: plan.domains,
            mailboxes: plan.mailboxes, leads: plan.leads)
    }
}
