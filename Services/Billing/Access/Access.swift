import Contracts
import Foundation

/// What staff grant a tenant beyond or below its plan.
struct AccessGrant: Sendable, Equatable {
    /// Full access or none whatever the status says; nil leaves it to the status.
    let access: BillingRPC.Access?
    /// Limits that replace the plan's, by name; a nil value is unlimited.
    let limits: [String: Int64?]
    let endsAt: Date?
}

/// What access follows from: one function of Stripe's word, the dunning clock and a grant.
struct AccessFacts: Sendable, Equatable {
    /// As Stripe names it; `trialing` without a subscription at Stripe is the built-in trial.
    var status: String
    var trialEndsAt: Date?
    /// Since when an invoice is unpaid.
    var pastDueSince: Date?
    var grant: AccessGrant?

    /// Days of full access after a payment failed, and the day on which we cancel.
    static let graceDays = 7.0
    static let cancelDays = 14.0

    /// What the tenant may do at `now`.
    func access(at now: Date) -> BillingRPC.Access {
        if let grant, let access = grant.access, grant.endsAt.map({ now < $0 }) ?? true { return access }
        switch status {
        case "active": return .full
        case "trialing": return trialEndsAt.map { now < $0 } ?? true ? .full : .readOnly
        case "past_due": return now < (pastDueSince ?? now) + Self.graceDays * 86_400 ? .grace : .readOnly
        case _ where SubscriptionState.hasEnded(status): return .cancelled
        // incomplete, unpaid, paused, and whatever Stripe adds: readable, and nothing is sent.
        default: return .readOnly
        }
    }

    /// When a payment that is missing ends it at Stripe; nil when none is.
    var cancelsAt: Date? {
        SubscriptionState.isUnpaid(status) ? pastDueSince.map { $0 + Self.cancelDays * 86_400 } : nil
    }

    /// When the clock alone will change next what the tenant may do, or what is to be done about it; nil when it will not.
    func nextChange(after now: Date) -> Date? {
        var changes: [Date] = []
        if let ends = grant?.endsAt, grant?.access != nil { changes.append(ends) }
        if status == "trialing", let trialEndsAt { changes.append(trialEndsAt) }
        if status == "past_due", let pastDueSince { changes.append(pastDueSince + Self.graceDays * 86_400) }
        if let cancelsAt { changes.append(cancelsAt) }
        return changes.filter { $0 > now }.min()
    }

    /// Whether it is time to cancel at Stripe.
    func isCancelDue(at now: Date) -> Bool {
        cancelsAt.map { now >= $0 } ?? false
    }
}
