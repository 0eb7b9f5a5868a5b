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

    /// Links them for good, and lets what waited for it go on.
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
