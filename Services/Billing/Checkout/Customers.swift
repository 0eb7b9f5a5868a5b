import Contracts
import Foundation
import HTTP
import Postgres
import Primitives

/// The tenant as Stripe's customer: one, until it is deleted there.
struct Customers: Sendable {
    let stripe: StripeClient
    let attempts: StripeAttempts
    let database: Database
    let clock: WallClock

    /// The customer's id, made if need be. All who come at the same time ask under one key, so Stripe makes one; the row keeps it.
    func require(_ tenant: TenantID) async throws -> String {
        if let known = try await CustomerStore.find(tenant, in: database) { return known }
        return try await attempts.once("customer", of: tenant) { key in
            // Whoever settled the attempt before this one has left the row.
            if let known = try await CustomerStore.find(tenant, in: database) { return known }
            // Not the first attempt: one of long ago may have made a customer whose name never reached us.
            let found = try await key == "customer:1" ? nil : search(tenant)
            let customer = if let found { found } else { try await make(tenant, key) }
            return try await keep(customer, of: tenant)
        }
    }

    /// The customer that stands: this one, or the one of whoever was first.
    private func keep(_ customer: String, of tenant: TenantID) async throws -> String {
        let now = clock.now
        let linked = try await database.transaction { try await CustomerLinks.link(customer, to: tenant, at: now, in: $0) }
        if linked == .linked { return customer }
        guard let known = try await CustomerStore.find(tenant, in: database) else { throw Problem.unavailable() }
        return known
    }

    private func make(_ tenant: TenantID, _ key: String) async throws(StripeError) -> String {
        try await stripe.write(
            StripeCustomer.self, "/v1/customers", ["metadata": ["tenant": .text(tenant.description)]], key: key, for: tenant
        ).id
    }

    /// The one that there is. Stripe's index lags behind: whether one is still there only the customer itself says.
    private func search(_ tenant: TenantID) async throws(StripeError) -> String? {
        let hits = try await stripe.read(
            StripeList<StripeCustomer>.self, "/v1/customers/search", ["query": .text("metadata['tenant']:'\(tenant)'"), "limit": 10])
        for hit in hits.data {
            if let found = try await stripe.find(StripeCustomer.self, "/v1/customers/\(hit.id)"), found.deleted != true { return found.id }
        }
        return nil
    }
}

/// The SQL of customers; they are linked by ``CustomerLinks``.
enum CustomerStore {
    static func find(_ tenant: TenantID, in database: Database) async throws -> String? {
        try await database.query("select customer from stripe_customers where tenant_id = \(tenant)").first?.decode("customer")
    }

    /// As ``find(_:in:)``, for requests.
    static func read(_ tenant: TenantID, in database: Database) async throws -> String? {
        try await database.query(as: tenant, "select customer from stripe_customers where tenant_id = \(tenant)").first?.decode("customer")
    }
}
