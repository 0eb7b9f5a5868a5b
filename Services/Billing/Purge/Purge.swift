import Contracts
import Postgres
import RPC

/// Forgetting what a company bought and used. What the law wants kept of payments is with Stripe, not here.
struct Purge: Sendable {
    private static let batch = 5_000

    let database: Database

    /// A batch; true when nothing is left. A workspace has nothing here. Refused while Stripe may go on charging: then the names that are needed to
    /// end it are still needed.
    func purge(_ request: BillingRPC.Purge) async throws -> Bool {
        guard request.workspace == nil else { return true }
        return try await database.transaction { transaction in
            let charged = try await transaction.query(
                """
                select 1 as one from subscriptions where tenant_id = \(request.tenant) and stripe_subscription is not null
                  and status <> all(\(SubscriptionState.ended)) for update
                """)
            guard charged.isEmpty else {
                throw RPCError(kind: "subscription_not_cancelled", message: "The company's subscription goes on; cancel it first.")
            }
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
            [
                """
                delete from mail_reservations where ctid = any(array(
                    select ctid from mail_reservations where tenant_id = \(tenant) limit \(batch)))
                """,
                """
                delete from resource_reservations where ctid = any(array(
                    select ctid from resource_reservations where tenant_id = \(tenant) limit \(batch)))
                """,
                "delete from stripe_events where ctid = any(array(select ctid from stripe_events where tenant_id = \(tenant) limit \(batch)))",
                "delete from stripe_requests where ctid = any(array(select ctid from stripe_requests where tenant_id = \(tenant) limit \(batch)))",
                "delete from pack_purchases where ctid = any(array(select ctid from pack_purchases where tenant_id = \(tenant) limit \(batch)))",
                "delete from checkouts where ctid = any(array(select ctid from checkouts where tenant_id = \(tenant) limit \(batch)))",
            ],
            [
                "delete from mail_periods where tenant_id = \(tenant)",
                "delete from resource_counts where tenant_id = \(tenant)",
                "delete from access_grants where tenant_id = \(tenant)",
                "delete from connect_accounts where tenant_id = \(tenant)",
                "delete from stripe_attempts where tenant_id = \(tenant)",
                "delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where tenant_id = \(tenant) limit \(batch)))",
            ],
            [
                "delete from stripe_customers where tenant_id = \(tenant)",
                "delete from subscriptions where tenant_id = \(tenant)",
            ],
        ]
    }
}
