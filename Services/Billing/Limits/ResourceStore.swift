import Contracts
import Foundation
import Postgres

/// The SQL of places under limits. Everybody locks a reservation first, then the count.
enum ResourceStore {
    struct Held: Sendable, Equatable {
        let count: Int64
        let isConfirmed: Bool
    }

    /// The reservation under this key, locked until the transaction ends.
    static func lock(
        _ key: String, of resource: BillingRPC.Resource, _ tenant: TenantID, in transaction: Transaction
    ) async throws -> Held? {
        try await transaction.query(
            """
            select count, state from resource_reservations where tenant_id = \(tenant) and resource = \(resource) and key = \(key) for update
            """
        ).first.map { Held(count: try $0.decode("count"), isConfirmed: try $0.decode("state", as: String.self) == "confirmed") }
    }

    /// False when the key is taken, after waiting for whoever is taking it.
    static func insert(
        _ key: String, of resource: BillingRPC.Resource, _ tenant: TenantID, count: Int64, isConfirmed: Bool = false, at now: Date, until end: Date,
        in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            insert into resource_reservations (tenant_id, resource, key, count, state, created_at, expires_at)
            values (\(tenant), \(resource), \(key), \(count), \(isConfirmed ? "confirmed" : "reserved"), \(now), \(end))
            on conflict (tenant_id, resource, key) do nothing
            """
        ).affected > 0
    }

    /// Waits for its confirmation from now on.
    static func renew(
        _ key: String, of resource: BillingRPC.Resource, _ tenant: TenantID, until end: Date, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            update resource_reservations set expires_at = greatest(expires_at, \(end))
            where tenant_id = \(tenant) and resource = \(resource) and key = \(key) and state = 'reserved'
            """)
    }

    /// The one place where something is taken: true only if there was enough.
    static func take(
        _ count: Int64, of resource: BillingRPC.Resource, _ tenant: TenantID, limit: Int64?, at now: Date, in transaction: Transaction
    ) async throws -> Bool {
        try await open(resource, tenant, in: transaction)
        return try await transaction.query(
            """
            update resource_counts set reserved = reserved + \(count), changed_at = \(now)
            where tenant_id = \(tenant) and resource = \(resource)
              and (\(limit)::bigint is null or used + reserved + \(count) <= \(limit)::bigint)
            """
        ).affected > 0
    }

    /// False for a company of which nobody has told us, or that is gone; one that is there stays until the transaction ends.
    static func isKnown(_ tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query("select 1 as one from subscriptions where tenant_id = \(tenant) for key share").isEmpty
    }

    /// Counts what is there already without asking for room.
    static func count(
        _ count: Int64, of resource: BillingRPC.Resource, _ tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws {
        try await open(resource, tenant, in: transaction)
        try await transaction.query(
            "update resource_counts set used = used + \(count), changed_at = \(now) where tenant_id = \(tenant) and resource = \(resource)")
    }

    private static func open(_ resource: BillingRPC.Resource, _ tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            "insert into resource_counts (tenant_id, resource) values (\(tenant), \(resource)) on conflict (tenant_id, resource) do nothing")
    }

    static func confirm(
        _ key: String, of resource: BillingRPC.Resource, _ tenant: TenantID, count: Int64, at now: Date, in transaction: Transaction
    ) async throws {
        try await transaction.pipeline([
            """
            update resource_reservations set state = 'confirmed' where tenant_id = \(tenant) and resource = \(resource) and key = \(key)
            """,
            """
            update resource_counts set used = used + \(count), reserved = greatest(0, reserved - \(count)), changed_at = \(now)
            where tenant_id = \(tenant) and resource = \(resource)
            """,
        ])
    }

    static func release(
        _ key: String, of resource: BillingRPC.Resource, _ tenant: TenantID, _ held: Held, at now: Date, in transaction: Transaction
    ) async throws {
        let (used, reserved): (Int64, Int64) = held.isConfirmed ? (held.count, 0) : (0, held.count)
        try await transaction.pipeline([
            "delete from resource_reservations where tenant_id = \(tenant) and resource = \(resource) and key = \(key)",
            """
            update resource_counts set used = greatest(0, used - \(used)), reserved = greatest(0, reserved - \(reserved)), changed_at = \(now)
            where tenant_id = \(tenant) and resource = \(resource)
            """,
        ])
    }

    static func read(
        _ resource: BillingRPC.Resource, _ tenant: TenantID, limit: Int64?, in transaction: Transaction
    ) async throws -> BillingRPC.ResourceCount {
        let row = try await transaction.query(
            "select used, reserved from resource_counts where tenant_id = \(tenant) and resource = \(resource)"
        ).first
        return BillingRPC.ResourceCount(
            used: try row?.decode("used", as: Int64.self) ?? 0, reserved: try row?.decode("reserved", as: Int64.self) ?? 0, limit: limit)
    }

    // MARK: - Counting again

    struct Counted: Sendable {
        let used: Int64
        let reserved: Int64
        let changedAt: Date?
        let countedAt: Date?
    }

    /// The count, made if need be, locked until the transaction ends.
    static func lockCount(of resource: BillingRPC.Resource, _ tenant: TenantID, in transaction: Transaction) async throws -> Counted? {
        try await open(resource, tenant, in: transaction)
        return try await transaction.query(
            """
            select used, reserved, changed_at, counted_at from resource_counts
            where tenant_id = \(tenant) and resource = \(resource) for update
            """
        ).first.map {
            Counted(
                used: try $0.decode("used"), reserved: try $0.decode("reserved"), changedAt: try $0.decodeOptional("changed_at"),
                countedAt: try $0.decodeOptional("counted_at"))
        }
    }

    static func set(_ used: Int64, of resource: BillingRPC.Resource, _ tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            "update resource_counts set used = \(used), counted_at = \(now) where tenant_id = \(tenant) and resource = \(resource)")
    }

    /// Ends what nobody confirmed in time, a batch; how many.
    static func expire(at now: Date, limit: Int, in transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            """
            delete from resource_reservations where ctid = any(array(
                select ctid from resource_reservations where state = 'reserved' and expires_at <= \(now)
                order by expires_at limit \(limit) for update skip locked))
            returning tenant_id, resource, count
            """)
        guard !rows.isEmpty else { return 0 }
        let tenants: [TenantID] = try rows.map { try $0.decode("tenant_id") }
        let resources: [String] = try rows.map { try $0.decode("resource") }
        let counts: [Int64] = try rows.map { try $0.decode("count") }
        // In one order, so that two who do this never wait for each other.
        try await transaction.query(
            """
            select c.tenant_id from resource_counts c
            where exists (select from unnest(\(tenants), \(resources)) as x (tenant_id, resource)
                          where x.tenant_id = c.tenant_id and x.resource = c.resource)
            order by c.tenant_id, c.resource for update
            """)
        try await transaction.query(
            """
            update resource_counts c set reserved = greatest(0, c.reserved - e.count), changed_at = \(now)
            from (select tenant_id, resource, sum(count)::bigint as count from unnest(\(tenants), \(resources), \(counts))
                      as x (tenant_id, resource, count) group by tenant_id, resource) e
            where c.tenant_id = e.tenant_id and c.resource = e.resource
            """)
        return rows.count
    }
}
