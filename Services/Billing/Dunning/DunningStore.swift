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
    /// The same where Stripe is asked, which may be slow.
    static let leaseAtStripe: TimeInterval = 600

    /// Only those of whom Stripe is asked, or only the others.
    static func claim(limit: Int, asksStripe: Bool, at now: Date, in database: Database) async throws -> [Due] {
        let asks: SQL = """
            (stripe_subscription is not null
                and (status in ('trialing', 'past_due', 'unpaid') or \(SubscriptionState.Flag.unknownPrice) = any(flags)))
            """
        return try await database.query(
            """
            update subscriptions s set access_due_at = \(now + (asksStripe ? leaseAtStripe : lease))
            from (select tenant_id from subscriptions where access_due_at <= \(now) and \(asks) = \(asksStripe)
                  order by access_due_at limit \(limit) for update skip locked) d
            where s.tenant_id = d.tenant_id
            returning s.tenant_id
            """
        ).map { Due(tenant: try $0.decode("tenant_id"), asksStripe: asksStripe) }
    }
}
