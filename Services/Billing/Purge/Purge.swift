import Contracts
import Postgres

/// Ending what a company bought, and forgetting what it used. What the law wants kept of payments is with Stripe, not here.
struct Purge: Sendable {
    private static let batch = 5_000

    let database: Database

    /// Nothing more is sent or renewed; one that has ended stays as it is.
    func cancelSubscription(of tenant: TenantID) async throws {
        try await database.query(
            """
            update subscriptions set status = 'canceled', version = version + 1
            where tenant_id = \(tenant) and status not in ('canceled', 'incomplete_expired')
            """)
    }

    /// A batch; true when nothing is left. A workspace has nothing here.
    func purge(_ request: BillingRPC.Purge) async throws -> Bool {
        guard request.workspace == nil else { return true }
        return try await database.transaction { transaction in
            for stage in PurgeStore.stages(of: request.tenant, batch: Self.batch) {
                // What others refer to goes when nothing refers to it any more.
                if try await transaction.purge(stage, limit: Self.batch) > 0 { return false }
            }
            return true
        }
    }
}

/// The SQL of forgetting a company.
enum PurgeStore {
    static func stages(of tenant: TenantID, batch: Int) -> [[SQL]] {
        [
            ["delete from mail_reservations where ctid = any(array(select ctid from mail_reservations where tenant_id = \(tenant) limit \(batch)))"],
            [
                "delete from mail_periods where tenant_id = \(tenant)",
                "delete from subscriptions where tenant_id = \(tenant)",
                "delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where tenant_id = \(tenant) limit \(batch)))",
            ],
        ]
    }
}
