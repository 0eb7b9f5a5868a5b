import Contracts
import Foundation
import Postgres
import Primitives

/// What is sent under an idempotency key, written down before it is sent: whoever asks again under the key sends the same.
///
/// Always through the worker's pool. The row must be there, committed, whatever becomes of the transaction and the request that asked; the
/// same keys are used by requests and by loops that work for all tenants; and requests' own role may read these rows but write none. Every
/// statement names the tenant.
struct StripeRequests: Sendable {
    struct Frozen: Sendable, Equatable {
        let method: String
        let path: String
        /// As a form.
        let parameters: String
        let account: String
    }

    let database: Database
    let clock: WallClock

    /// What is to be sent: `proposal` when the key is new, what was frozen under it otherwise.
    func freeze(_ proposal: Frozen, key: String, for tenant: TenantID) async throws(PostgresError) -> Frozen {
        let inserted = try await database.query(
            """
            insert into stripe_requests (tenant_id, key, method, path, parameters, account, created_at)
            values (\(tenant), \(key), \(proposal.method), \(proposal.path), \(proposal.parameters), \(proposal.account), \(clock.now))
            on conflict (tenant_id, key) do nothing
            """)
        if inserted.affected > 0 { return proposal }
        // A statement of its own, so that it sees what whoever came first has committed.
        let known = try await database.query(
            "select method, path, parameters, account from stripe_requests where tenant_id = \(tenant) and key = \(key)")
        // None when it was thawed in between: the key is free again.
        guard let row = known.first else { return try await freeze(proposal, key: key, for: tenant) }
        return Frozen(
            method: try row.decode("method"), path: try row.decode("path"), parameters: try row.decode("parameters"),
            account: try row.decode("account"))
    }

    /// Stripe has answered for good.
    func settle(key: String, for tenant: TenantID) async throws(PostgresError) {
        try await database.query(
            """
            update stripe_requests set answered_at = \(clock.now) where tenant_id = \(tenant) and key = \(key) and answered_at is null
            """)
    }

    /// Stripe refused it before it began, and so keeps nothing under the key either: what is corrected may go under the same one.
    func thaw(key: String, for tenant: TenantID) async throws(PostgresError) {
        try await database.query("delete from stripe_requests where tenant_id = \(tenant) and key = \(key) and answered_at is null")
    }

    /// Forgets a batch of what is older; true when nothing is left. Stripe itself forgets keys after a day at the earliest.
    func prune(before instant: Date, batch: Int = 1_000) async throws(PostgresError) -> Bool {
        try await database.query(
            """
            delete from stripe_requests where ctid = any(array(select ctid from stripe_requests where created_at < \(instant) limit \(batch)))
            """
        ).affected < batch
    }
}
