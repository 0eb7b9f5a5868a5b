import Contracts
import Foundation
import Postgres

/// The SQL of where checkpoints go.
enum CheckpointDeliveryStore {
    private static let shown: SQL = "id, kind, target, set_by, set_at, next_at, delivered_at, delivered_size, failing_since, failure"
    private static let worked: SQL = """
        d.tenant_id, d.id, d.kind, d.target, d.secret_sealed, d.next_at, d.delivered_at, d.delivered_size, d.failures, d.failing_since,
        d.is_failure_told
        """

    // MARK: - Setting

    static func find(of tenant: TenantID, in database: Database) async throws -> CheckpointDelivery? {
        try await database.query(
            as: tenant, "select \(shown) from checkpoint_deliveries where tenant_id = \(tenant) and kind <> 'none'"
        ).first.map(Self.delivery)
    }

    /// Replaces what was set before. The first delivery is due at once, unless the one before is not a minute old: whoever sets one after the
    /// other must not make us send as fast.
    static func put(
        _ new: CheckpointDelivery, secretSealed: String?, of tenant: TenantID, in transaction: Transaction
    ) async throws -> CheckpointDelivery {
        let rows = try await transaction.query(
            """
            insert into checkpoint_deliveries as d (tenant_id, id, kind, target, secret_sealed, set_by, set_at, next_at)
            values (\(tenant), \(new.id), \(new.channel), \(new.target), \(secretSealed), \(new.setBy), \(new.setAt), \(new.nextAt))
            on conflict (tenant_id) do update set
                id = excluded.id, kind = excluded.kind, target = excluded.target, secret_sealed = excluded.secret_sealed,
                set_by = excluded.set_by, set_at = excluded.set_at, next_at = greatest(excluded.next_at, d.set_at + interval '1 minute'),
                failures = 0, failing_since = null, failure = null, is_failure_told = false, delivered_at = null, delivered_size = null
            returning \(shown)
            """)
        return try Self.delivery(rows[0])
    }

    /// The one that there was. What is left remembers when something was set and tried last, so that to delete is no way around the pauses.
    static func delete(of tenant: TenantID, in transaction: Transaction) async throws -> CheckpointDeliveryID? {
        try await transaction.query(
            """
            update checkpoint_deliveries set kind = 'none', target = '', secret_sealed = null, next_at = 'infinity', failures = 0,
                failing_since = null, failure = null, delivered_at = null, delivered_size = null
            where tenant_id = \(tenant) and kind <> 'none' returning id
            """
        ).first?.decode("id")
    }

    /// Forgets a company's; `worker` is of the `_worker` role.
    static func purge(_ tenant: TenantID, in worker: Database) async throws {
        try await worker.query("delete from checkpoint_deliveries where tenant_id = \(tenant)")
    }

    // MARK: - Delivering

    /// Up to `limit` that are due, for this process alone until the lease is over.
    static func claim(at now: Date, lease: TimeInterval, limit: Int, in database: Database) async throws -> [CheckpointOrder] {
        try await database.query(
            """
            with due as materialized (
                select tenant_id from checkpoint_deliveries where next_at <= \(now)
                order by next_at, tenant_id limit \(limit) for update skip locked)
            update checkpoint_deliveries d set next_at = \(now.addingTimeInterval(lease)) from due where d.tenant_id = due.tenant_id
            returning \(worked)
            """
        ).map(Self.order)
    }

    /// The company's, for a try that somebody asked for; nil when there is none, or when it was tried after `since`.
    static func claimTest(of tenant: TenantID, at now: Date, notSince since: Date, in database: Database) async throws -> CheckpointOrder? {
        try await database.query(
            """
            update checkpoint_deliveries d set tested_at = \(now)
            where d.tenant_id = \(tenant) and d.kind <> 'none' and (d.tested_at is null or d.tested_at <= \(since)) returning \(worked)
            """
        ).first.map(Self.order)
    }

    /// It arrived; whoever has the lease no longer may say so all the same.
    static func delivered(_ order: CheckpointOrder, size: Int64, at now: Date, next: Date, in database: Database) async throws {
        try await database.query(
            """
            update checkpoint_deliveries set delivered_at = \(now), delivered_size = \(size), next_at = \(next), failures = 0,
                failing_since = null, failure = null, is_failure_told = false
            where tenant_id = \(order.tenant) and id = \(order.id)
            """)
    }

    /// There is nothing to hand out.
    static func postpone(_ order: CheckpointOrder, until next: Date, in database: Database) async throws {
        try await database.query(
            """
            update checkpoint_deliveries set next_at = \(next)
            where tenant_id = \(order.tenant) and id = \(order.id) and next_at = \(order.lease)
            """)
    }

    /// It did not arrive; false when the order was lost meanwhile.
    static func failed(
        _ order: CheckpointOrder, reason: String, since: Date, isTold: Bool, next: Date, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            update checkpoint_deliveries set failures = failures + 1, failing_since = \(since), failure = \(reason), next_at = \(next),
                is_failure_told = \(isTold)
            where tenant_id = \(order.tenant) and id = \(order.id) and next_at = \(order.lease)
            """
        ).affected == 1
    }

    // MARK: - Rows

    private static func delivery(_ row: Row) throws -> CheckpointDelivery {
        CheckpointDelivery(
            id: try row.decode("id"), channel: try row.decode("kind"), target: try row.decode("target"), setBy: try row.decode("set_by"),
            setAt: try row.decode("set_at"), nextAt: try row.decode("next_at"), deliveredAt: try row.decodeOptional("delivered_at"),
            deliveredSize: try row.decodeOptional("delivered_size"), failingSince: try row.decodeOptional("failing_since"),
            failure: try row.decodeOptional("failure"))
    }

    private static func order(_ row: Row) throws -> CheckpointOrder {
        CheckpointOrder(
            tenant: try row.decode("tenant_id"), id: try row.decode("id"), channel: try row.decode("kind"), target: try row.decode("target"),
            secretSealed: try row.decodeOptional("secret_sealed"), lease: try row.decode("next_at"),
            deliveredAt: try row.decodeOptional("delivered_at"), deliveredSize: try row.decodeOptional("delivered_size"),
            failures: try row.decode("failures"), failingSince: try row.decodeOptional("failing_since"),
            isFailureTold: try row.decode("is_failure_told"))
    }
}
