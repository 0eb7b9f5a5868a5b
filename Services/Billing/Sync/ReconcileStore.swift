import Contracts
import Foundation
import Postgres

/// The SQL of comparing, a page at a time.
enum ReconcileStore {
    /// What we keep of a customer.
    struct Kept: Sendable {
        let tenant: TenantID
        let subscription: String?
        let status: String
        let period: BillingPeriod
        let price: String?
        let amount: Int64?
        let cancelAt: Date?
        let trialEndsAt: Date?
        let schedule: String?
        let flags: [String]

        /// Whether what Stripe lists asks for another look. Which of several is the tenant's is decided by that look.
        func differs(from listed: StripeSubscription) -> Bool {
            guard listed.id == subscription else {
                return !listed.hasEnded && listed.status != "incomplete" && !flags.contains(SubscriptionState.Flag.duplicate)
            }
            if listed.status != status || listed.schedule != schedule || listed.trialEnd != trialEndsAt { return true }
            if flags.contains(SubscriptionState.Flag.missing) { return true }
            // Somebody may have told us of the price since.
            if flags.contains(SubscriptionState.Flag.unknownPrice) { return true }
            guard let item = listed.items.data.first(where: { $0.price.id == price }) else { return true }
            if let start = item.currentPeriodStart, let end = item.currentPeriodEnd, period != BillingPeriod(start: start, end: end) { return true }
            if (listed.cancelAt ?? (listed.cancelAtPeriodEnd == true ? period.end : nil)) != cancelAt { return true }
            return item.amount != amount
        }
    }

    static func known(_ customers: [String], in database: Database) async throws -> [String: Kept] {
        let rows = try await database.query(
            """
            select c.customer, s.tenant_id, s.stripe_subscription, s.status, s.period_start, s.period_end, s.stripe_price, s.amount, s.cancel_at,
                   s.trial_ends_at, s.stripe_schedule, s.flags
            from stripe_customers c join subscriptions s on s.tenant_id = c.tenant_id where c.customer = any(\(customers))
            """)
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (
                    try row.decode("customer"),
                    Kept(
                        tenant: try row.decode("tenant_id"), subscription: try row.decodeOptional("stripe_subscription"),
                        status: try row.decode("status"),
                        period: BillingPeriod(start: try row.decode("period_start"), end: try row.decode("period_end")),
                        price: try row.decodeOptional("stripe_price"), amount: try row.decodeOptional("amount"),
                        cancelAt: try row.decodeOptional("cancel_at"), trialEndsAt: try row.decodeOptional("trial_ends_at"),
                        schedule: try row.decodeOptional("stripe_schedule"), flags: try row.decode("flags"))
                )
            })
    }

    /// Ours that go on, in the order of Stripe's names.
    static func linked(
        after last: String, limit: Int, in database: Database
    ) async throws -> [(tenant: TenantID, subscription: String)] {
        try await database.query(
            """
            select tenant_id, stripe_subscription from subscriptions
            where stripe_subscription > \(last) and status <> all(\(SubscriptionState.ended)) order by stripe_subscription limit \(limit)
            """
        ).map { (try $0.decode("tenant_id"), try $0.decode("stripe_subscription")) }
    }
}
