import Contracts
import Foundation
import Postgres

/// Whose customer at Stripe is whose.
enum CustomerLinks {
    enum Linked: Sendable, Equatable {
        /// Now, or before.
        case linked
        /// Nobody has told us of this tenant.
        case unknownTenant
        /// The tenant has another customer, or the customer another tenant: two are one too many.
        case taken
    }

    static func tenant(of customer: String, in database: Database) async throws -> TenantID? {
        try await database.query("select tenant_id from stripe_customers where customer = \(customer)").first.map { try $0.decode("tenant_id") }
    }

    /// Gives up a customer that Stripe has deleted, unless a subscription of it goes on; false when it stays, or was not linked.
    static func unlink(_ customer: String, from tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            delete from stripe_customers c using subscriptions s
            where c.tenant_id = \(tenant) and c.customer = \(customer) and s.tenant_id = c.tenant_id
              and (s.stripe_subscription is null or s.status = any(\(SubscriptionState.ended)))
            """
        ).affected > 0
    }

    /// Links them until Stripe has deleted the customer, and lets what waited for it go on.
    static func link(_ customer: String, to tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> Linked {
        guard try await !transaction.query("select tenant_id from subscriptions where tenant_id = \(tenant) for update").isEmpty else {
            return .unknownTenant
        }
        try await transaction.query(
            "insert into stripe_customers (tenant_id, customer, created_at) values (\(tenant), \(customer), \(now)) on conflict do nothing")
        let known = try await transaction.query("select tenant_id from stripe_customers where tenant_id = \(tenant) and customer = \(customer)")
        guard !known.isEmpty else { return .taken }
        try await transaction.query("update stripe_events set next_at = \(now) where state = 'parked' and customer = \(customer)")
        return .linked
    }
}
