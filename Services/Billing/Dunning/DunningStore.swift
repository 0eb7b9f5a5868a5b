import Contracts
import Foundation
import Postgres

/// The SQL of whose clock has come round.
enum DunningStore {
    struct Due: Sendable, Equatable {
        let tenant: TenantID
        /// What only Stripe can say is asked of it first.
        let asksStripe: Bool
    }

    /// How long whoever looks has them; whoever dies over it is followed by another.
    static let lease: TimeInterval = 120

    static func claim(limit: Int, at now: Date, in database: Database) async throws -> [Due] {
        try await database.query(
            """
            update subscriptions s set access_due_at = \(now + lease)
            from (select tenant_id from subscriptions where access_due_at <= \(now) order by access_due_at limit \(limit) for update skip locked) d
            where s.tenant_id = d.tenant_id
            returning s.tenant_id, s.stripe_subscription is not null and s.status in ('trialing', 'past_due', 'unpaid') as asks_stripe
            """
        ).map { Due(tenant: try $0.decode("tenant_id"), asksStripe: try $0.decode("asks_stripe")) }
    }
}
