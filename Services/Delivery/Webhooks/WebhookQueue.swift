import Contracts
import Foundation
import Postgres

/// One delivery in the hands of this process until its lease is over.
struct WebhookOrder: Sendable {
    let tenant: TenantID
    let endpoint: WebhookID
    let message: WebhookMessageID
    /// Whoever finds another one there has lost the delivery.
    let claim: UUID
    let tries: Int
    let url: String
    let secrets: SealedWebhookSecrets
    let body: String
}

/// How many deliveries each endpoint that has something to deliver may have now; pure.
struct WebhookShare {
    /// Requests to one endpoint at once; to one that failed last, a single one, so that a dead server holds next to nothing.
    static let perEndpoint = 4
    /// Requests to all of a tenant's endpoints at once.
    static let perTenant = 16

    struct Candidate: Equatable {
        let tenant: TenantID
        let endpoint: WebhookID
        let isFailing: Bool
        let running: Int
    }

    struct Part: Equatable {
        let candidate: Candidate
        let room: Int
        /// The endpoint's own limit is what stops it: it is looked at again when one of its deliveries has ended.
        let isLimitedByItself: Bool
        /// Another limit is what stops it: it keeps its place before those that come later.
        let isLimitedByOthers: Bool
    }

    /// In the order of `candidates`, who waited longest first; `running` is a tenant's deliveries under way, `room` how many there may be more.
    static func parts(of candidates: [Candidate], running: [TenantID: Int], room: Int) -> [Part] {
        var (running, room) = (running, room)
        return candidates.map { candidate in
            let own = max(0, (candidate.isFailing ? 1 : perEndpoint) - candidate.running)
            let others = max(0, min(perTenant - running[candidate.tenant, default: 0], room))
            let granted = min(own, others)
            running[candidate.tenant, default: 0] += granted
            room -= granted
            return Part(candidate: candidate, room: granted, isLimitedByItself: granted == own, isLimitedByOthers: granted < own)
        }
    }
}

/// The SQL of handing out deliveries and writing down how they went; of the `_worker` role.
///
/// Everything happens under the lock of the endpoint's row, and no other is waited for meanwhile. An endpoint is looked for by ``due_at``, so one
/// with a hundred thousand messages costs as much as one with a single one.
struct WebhookQueue: Sendable {
    /// Longer than any request takes, and the writing of its outcome.
    static let lease: TimeInterval = 60
    private static let endpointsAtOnce = 64

    let database: Database

    /// Endpoints of which deliveries have lost their lease are looked at again.
    func wakeLost(now: Date) async throws {
        try await database.query(
            """
            update webhook_endpoints e set due_at = least(e.due_at, \(now)::timestamptz) from (
                select l.tenant_id, l.id from webhook_endpoints l where (l.tenant_id, l.id) in (
                    select d.tenant_id, d.endpoint_id from webhook_deliveries d where d.state = 'running' and d.lease_until < \(now)
                    order by d.lease_until limit 500)
                for no key update skip locked) as locked
            where e.tenant_id = locked.tenant_id and e.id = locked.id
            """)
    }

    /// Up to `room` deliveries that are due, and those that somebody took and did not end.
    func claim(room: Int, now: Date) async throws -> [WebhookOrder] {
        try await database.transaction { transaction in
            let candidates = try await Self.lockDue(now: now, in: transaction)
            guard !candidates.isEmpty else { return [] }
            let running = try await Self.running(of: Set(candidates.map(\.tenant)), now: now, in: transaction)
            let parts = WebhookShare.parts(
                of: candidates.map {
                    .init(tenant: $0.tenant, endpoint: $0.id, isFailing: $0.isFailing, running: running.endpoints[$0.id] ?? 0)
                }, running: running.tenants, room: room)
            let orders = try await Self.take(parts.filter { $0.room > 0 }, now: now, in: transaction)
            try await Self.setDue(parts, taken: Dictionary(grouping: orders, by: \.endpoint).mapValues(\.count), in: transaction)
            return orders
        }
    }

    /// Whoever has waited longest is first. Companies that have as many requests as they may are left out: with endpoints that must wait they would
    /// take the places of others here.
    private static func lockDue(
        now: Date, in transaction: Transaction
    ) async throws -> [(tenant: TenantID, id: WebhookID, isFailing: Bool)] {
        try await transaction.query(
            """
            select tenant_id, id, failures > 0 as failing from webhook_endpoints
            where state = 'active' and due_at <= \(now) and tenant_id <> all(array(\(busyTenants(now: now))))
            order by due_at, tenant_id, id limit \(endpointsAtOnce) for no key update skip locked
            """
        ).map { (tenant: try $0.decode("tenant_id"), id: try $0.decode("id"), isFailing: try $0.decode("failing")) }
    }

    private static func busyTenants(now: Date) -> SQL {
        """
        select tenant_id from webhook_deliveries where state = 'running' and lease_until >= \(now) group by tenant_id
        having count(*) >= \(WebhookShare.perTenant)
        """
    }

    /// Since when the longest has waited that could be delivered; nil when nothing does.
    func oldestDue(now: Date) async throws -> Date? {
        try await database.query(
            """
            select min(due_at) as oldest from webhook_endpoints
            where state = 'active' and due_at <= \(now) and tenant_id <> all(array(\(Self.busyTenants(now: now))))
            """)[0].decodeOptional("oldest")
    }

    private static func running(
        of tenants: Set<TenantID>, now: Date, in transaction: Transaction
    ) async throws -> (tenants: [TenantID: Int], endpoints: [WebhookID: Int]) {
        let rows = try await transaction.query(
            """
            select tenant_id, endpoint_id, count(*) as n from webhook_deliveries
            where state = 'running' and lease_until >= \(now) and tenant_id = any(\(Array(tenants))) group by tenant_id, endpoint_id
            """)
        var (byTenant, byEndpoint): ([TenantID: Int], [WebhookID: Int]) = ([:], [:])
        for row in rows {
            let count: Int = try row.decode("n")
            byTenant[try row.decode("tenant_id"), default: 0] += count
            byEndpoint[try row.decode("endpoint_id")] = count
        }
        return (byTenant, byEndpoint)
    }

    private static func take(_ parts: [WebhookShare.Part], now: Date, in transaction: Transaction) async throws -> [WebhookOrder] {
        guard !parts.isEmpty else { return [] }
        return try await transaction.query(
            """
            update webhook_deliveries d set state = 'running', claim = gen_random_uuid(),
                lease_until = \(now.addingTimeInterval(lease))::timestamptz
            from (
                select p.tenant_id, p.endpoint_id, picked.message_id
                from unnest(\(parts.map(\.candidate.tenant)), \(parts.map(\.candidate.endpoint)), \(parts.map(\.room))) as p (tenant_id, endpoint_id, room)
                cross join lateral (
                    select message_id from (
                        (select l.message_id, l.lease_until as since from webhook_deliveries l
                         where l.tenant_id = p.tenant_id and l.endpoint_id = p.endpoint_id and l.state = 'running' and l.lease_until < \(now)
                         order by l.lease_until limit p.room)
                        union all
                        (select w.message_id, w.next_at as since from webhook_deliveries w
                         where w.tenant_id = p.tenant_id and w.endpoint_id = p.endpoint_id and w.state = 'waiting' and w.next_at <= \(now)
                         order by w.next_at, w.message_id limit p.room)) as due
                    order by since, message_id limit p.room) as picked) as taken
            join webhook_endpoints e on e.tenant_id = taken.tenant_id and e.id = taken.endpoint_id
            join webhook_messages m on m.tenant_id = taken.tenant_id and m.id = taken.message_id
            where d.tenant_id = taken.tenant_id and d.message_id = taken.message_id and d.endpoint_id = taken.endpoint_id
            returning d.tenant_id, d.endpoint_id, d.message_id, d.claim, d.tries, e.url, e.secret_sealed, e.previous_secret_sealed, e.previous_until,
                m.body
            """
        ).map { row in
            WebhookOrder(
                tenant: try row.decode("tenant_id"), endpoint: try row.decode("endpoint_id"), message: try row.decode("message_id"),
                claim: try row.decode("claim"), tries: try row.decode("tries"), url: try row.decode("url"),
                secrets: SealedWebhookSecrets(
                    current: try row.decode("secret_sealed"), previous: try row.decodeOptional("previous_secret_sealed"),
                    previousUntil: try row.decodeOptional("previous_until")),
                body: try row.decode("body"))
        }
    }

    /// When each endpoint is looked at next: at once where others stopped it, not before a delivery has ended where it has as many as it may, and
    /// otherwise when the first of what waits is due.
    private static func setDue(
        _ parts: [WebhookShare.Part], taken: [WebhookID: Int], in transaction: Transaction
    ) async throws {
        let isFull = parts.map { $0.isLimitedByItself && taken[$0.candidate.endpoint, default: 0] == $0.room }
        let isStopped = parts.map { $0.isLimitedByOthers && taken[$0.candidate.endpoint, default: 0] == $0.room }
        try await transaction.query(
            """
            update webhook_endpoints e set due_at = case when p.is_full then 'infinity'
                when p.is_stopped then e.due_at
                else coalesce((select min(w.next_at) from webhook_deliveries w
                     where w.tenant_id = e.tenant_id and w.endpoint_id = e.id and w.state = 'waiting'), 'infinity') end
            from unnest(\(parts.map(\.candidate.tenant)), \(parts.map(\.candidate.endpoint)), \(isFull), \(isStopped))
                as p (tenant_id, id, is_full, is_stopped)
            where e.tenant_id = p.tenant_id and e.id = p.id
            """)
    }
}
