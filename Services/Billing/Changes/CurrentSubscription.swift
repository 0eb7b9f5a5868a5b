import Contracts
import Foundation
import Postgres

/// A tenant's subscription as it was last read from Stripe, or the built-in trial.
struct CurrentSubscription: Sendable {
    /// What will be at the period's end.
    struct Scheduled: Sendable, Equatable {
        let plan: String
        let interval: String?
        let at: Date?
    }

    let plan: Plan
    let status: String
    let period: BillingPeriod
    let trialEndsAt: Date?
    let stripeSubscription: String?
    let interval: String?
    let amount: Money?
    let cancelAt: Date?
    let pastDueSince: Date?
    /// When Stripe was asked to end it, since it was not paid.
    let cancelRequestedAt: Date?
    let scheduled: Scheduled?
    let syncedAt: Date?
    let grant: AccessGrant?

    var facts: AccessFacts {
        AccessFacts(
            status: status, trialEndsAt: trialEndsAt, pastDueSince: pastDueSince, isAtStripe: stripeSubscription != nil, grant: grant)
    }

    /// The subscription at Stripe, unless there is none or it has ended.
    var live: String? {
        SubscriptionState.hasEnded(status) ? nil : stripeSubscription
    }

    /// Whether more mails can be bought: for a plan that is paid for or about to be, never for the built-in trial.
    var mayBuyMails: Bool {
        switch status {
        case "active", "past_due": true
        case "trialing": stripeSubscription != nil
        default: false
        }
    }
}

/// The SQL of reading a subscription with what staff granted beside it.
enum CurrentSubscriptionStore {
    /// Nil until the tenant's creation has been heard of.
    static func find(_ tenant: TenantID, now: Date, in database: Database) async throws -> CurrentSubscription? {
        try await database.query(
            as: tenant,
            """
            select \(PlanStore.columns), s.status, s.period_start, s.period_end, s.trial_ends_at, s.stripe_subscription,
                   s.interval as paid_every, s.amount, s.currency as paid_in, s.cancel_at, s.past_due_since, s.cancel_requested_at, s.scheduled_plan,
                   s.scheduled_interval, s.scheduled_at, s.synced_at, a.granted_access, a.granted_until, l.granted_limits
            from subscriptions s join plans p on p.code = s.plan
            \(AccessGrant.join(at: now))
            where s.tenant_id = \(tenant)
            """
        ).first.map(current)
    }

    private static func current(_ row: Row) throws -> CurrentSubscription {
        let amount: Int64? = try row.decodeOptional("amount")
        let currency: String? = try row.decodeOptional("paid_in")
        let scheduledPlan: String? = try row.decodeOptional("scheduled_plan")
        let scheduledInterval: String? = try row.decodeOptional("scheduled_interval")
        let scheduledAt: Date? = try row.decodeOptional("scheduled_at")
        return CurrentSubscription(
            plan: try Plan(row: row), status: try row.decode("status"),
            period: BillingPeriod(start: try row.decode("period_start"), end: try row.decode("period_end")),
            trialEndsAt: try row.decodeOptional("trial_ends_at"), stripeSubscription: try row.decodeOptional("stripe_subscription"),
            interval: try row.decodeOptional("paid_every"),
            amount: amount.flatMap { amount in currency.map { Money(amount: amount, currency: $0) } },
            cancelAt: try row.decodeOptional("cancel_at"), pastDueSince: try row.decodeOptional("past_due_since"),
            cancelRequestedAt: try row.decodeOptional("cancel_requested_at"),
            scheduled: scheduledPlan.map { .init(plan: $0, interval: scheduledInterval, at: scheduledAt) },
            syncedAt: try row.decodeOptional("synced_at"), grant: try AccessGrant.joined(row))
    }
}
