import Contracts
import Foundation

/// A tenant's subscription as it is shown.
struct SubscriptionAnswer: Encodable, Sendable {
    struct ScheduledChange: Encodable, Sendable, Equatable {
        let plan: String
        let interval: String?
        let effectiveAt: Date?
    }

    let plan: Plan
    /// As Stripe says it; `trialing` without a subscription at Stripe is the built-in trial.
    let status: String
    let access: BillingRPC.Access
    let isAtStripe: Bool
    let periodStart: Date
    let periodEnd: Date
    /// What is paid for a period; nil where nothing is.
    let amount: MoneyAnswer?
    let interval: String?
    let scheduledChange: ScheduledChange?
    /// When it ends by somebody's wish.
    let cancelAt: Date?
    let trialEndsAt: Date?
    let pastDueSince: Date?
    /// Unpaid: when sending pauses, and when it is cancelled.
    let readOnlyAt: Date?
    let cancelsAt: Date?
    /// When it was last read from Stripe; the built-in trial is always as it stands here.
    let asOf: Date

    init(_ current: CurrentSubscription, now: Date) {
        plan = current.plan
        status = current.status
        access = current.facts.access(at: now)
        isAtStripe = current.stripeSubscription != nil
        periodStart = current.period.start
        periodEnd = current.period.end
        amount = current.amount.map(MoneyAnswer.init)
        interval = current.interval
        scheduledChange = current.scheduled.map { .init(plan: $0.plan, interval: $0.interval, effectiveAt: $0.at) }
        cancelAt = current.cancelAt
        trialEndsAt = current.trialEndsAt
        pastDueSince = current.pastDueSince
        readOnlyAt = current.pastDueSince.map { $0 + AccessFacts.graceDays * 86_400 }
        cancelsAt = current.facts.cancelsAt
        asOf = current.syncedAt ?? now
    }
}
