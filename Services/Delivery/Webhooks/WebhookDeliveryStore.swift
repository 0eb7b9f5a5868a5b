import Contracts
import Foundation
import Postgres
import Primitives

/// One message on its way to one endpoint, as its tenant sees it.
struct WebhookDelivery: Encodable, Sendable {
    enum State: String, Codable, Sendable, CaseIterable {
        case waiting, running, delivered, failed
    }

    let message: WebhookMessageID
    let type: String
    let state: State
    let attempts: Int
    /// Nil when it is not tried again by itself.
    let nextAt: Date?
    let lastAt: Date?
    let lastStatus: Int?
    let lastError: String?
    let createdAt: Date
}

/// A delivery with what was sent and how each attempt went.
struct WebhookDeliveryDetail: Encodable, Sendable {
    let delivery: WebhookDelivery
    /// The very bytes of the requests, as text.
    let body: String
    let attempts: [WebhookAttempt]
}

/// The SQL of looking at deliveries and sending again; of the `_api` role.
enum WebhookDeliveryStore {
    /// Sent again by one request at most.
    static let mostReplayed = 10_000

    struct Filter: Sendable {
        /// Nil is any.
        var states: [WebhookDelivery.State]?
        var type: String?
        var since: Date?
        var until: Date?
    }

    /// What was put back into the queue by one request.
    struct Replayed: Encodable, Sendable {
        let replayed: Int
        /// The last of them when there may be more: the next request says it as `after`.
        let next: WebhookMessageID?
    }

    private static let columns: SQL = """
        message_id, type, state, attempts, case when state = 'waiting' then next_at end as next_at, last_at, last_status, last_error, created_at
        """

    /// The newest first, before `end`.
    static func list(
        _ filter: Filter, of endpoint: WebhookID, _ tenant: TenantID, before end: WebhookMessageID?, limit: Int, in database: Database
    ) async throws -> [WebhookDelivery] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from webhook_deliveries
            where tenant_id = \(tenant) and endpoint_id = \(endpoint) and (\(end)::uuid is null or message_id < \(end)::uuid)
              and message_id >= \(filter.since.map { UUID.lowest(at: $0) } ?? WebhookMessageID.zero.uuid)
              and (\(filter.until)::timestamptz is null or created_at < \(filter.until)::timestamptz)
              and state = any(\((filter.states ?? WebhookDelivery.State.allCases).map(\.rawValue)))
              and (\(filter.type)::text is null or type = \(filter.type)::text)
            order by message_id desc limit \(limit)
            """
        ).map(delivery)
    }

    static func detail(
        _ message: WebhookMessageID, of endpoint: WebhookID, _ tenant: TenantID, in database: Database
    ) async throws -> WebhookDeliveryDetail? {
        try await database.transaction(as: tenant) { transaction in
            let rows = try await transaction.query(
                """
                select d.message_id, d.type, d.state, d.attempts, case when d.state = 'waiting' then d.next_at end as next_at, d.last_at,
                    d.last_status, d.last_error, d.created_at, m.body
                from webhook_deliveries d join webhook_messages m on m.tenant_id = d.tenant_id and m.id = d.message_id
                where d.tenant_id = \(tenant) and d.endpoint_id = \(endpoint) and d.message_id = \(message)
                """)
            guard let row = rows.first else { return nil }
            let attempts = try await transaction.query(
                """
                select at, duration_ms, status, error, answer from (
                    select number, at, duration_ms, status, error, answer from webhook_attempts
                    where tenant_id = \(tenant) and endpoint_id = \(endpoint) and message_id = \(message) order by number desc limit 100) as newest
                order by number
                """)
            return WebhookDeliveryDetail(delivery: try delivery(row), body: try row.decode("body"), attempts: try attempts.map(attempt))
        }
    }

    /// Puts one message back into the queue, with all its tries before it; false when it is being sent at this moment, or there is none. The
    /// endpoint must be locked.
    static func replay(
        _ message: WebhookMessageID, of endpoint: WebhookID, _ tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> Bool {
        let count = try await transaction.query(
            """
            update webhook_deliveries set state = 'waiting', tries = 0, next_at = \(now)
            where tenant_id = \(tenant) and endpoint_id = \(endpoint) and message_id = \(message) and state <> 'running'
            """
        ).affected
        if count > 0 { try await wake(endpoint, tenant, at: now, in: transaction) }
        return count > 0
    }

    /// As ``replay(_:of:_:at:in:)`` for what the filter names after `start`, the oldest first.
    static func replay(
        _ filter: Filter, after start: WebhookMessageID?, of endpoint: WebhookID, _ tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> Replayed {
        let row = try await transaction.query(
            """
            with again as (
                update webhook_deliveries d set state = 'waiting', tries = 0, next_at = \(now)
                where d.tenant_id = \(tenant) and d.endpoint_id = \(endpoint) and d.state <> 'running' and d.message_id = any(array(
                    select l.message_id from webhook_deliveries l
                    where l.tenant_id = \(tenant) and l.endpoint_id = \(endpoint) and l.message_id > \(start ?? .zero)
                      and l.message_id >= \(filter.since.map { UUID.lowest(at: $0) } ?? WebhookMessageID.zero.uuid)
                      and (\(filter.until)::timestamptz is null or l.created_at < \(filter.until)::timestamptz)
                      and l.state = any(\((filter.states ?? [.failed]).map(\.rawValue)))
                      and (\(filter.type)::text is null or l.type = \(filter.type)::text)
                    order by l.message_id limit \(mostReplayed)))
                returning d.message_id)
            select count(*) as n, max(message_id::text) as last from again
            """)[0]
        let count: Int = try row.decode("n")
        if count > 0 { try await wake(endpoint, tenant, at: now, in: transaction) }
        let last: String? = try row.decodeOptional("last")
        return Replayed(replayed: count, next: count < mostReplayed ? nil : last.flatMap { WebhookMessageID($0) })
    }

    private static func wake(_ endpoint: WebhookID, _ tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            "update webhook_endpoints set due_at = least(due_at, \(now)::timestamptz) where tenant_id = \(tenant) and id = \(endpoint)")
    }

    private static func delivery(_ row: Row) throws -> WebhookDelivery {
        WebhookDelivery(
            message: try row.decode("message_id"), type: try row.decode("type"), state: try row.decode("state"),
            attempts: try row.decode("attempts"), nextAt: try row.decodeOptional("next_at"), lastAt: try row.decodeOptional("last_at"),
            lastStatus: try row.decodeOptional("last_status"), lastError: try row.decodeOptional("last_error"),
            createdAt: try row.decode("created_at"))
    }

    private static func attempt(_ row: Row) throws -> WebhookAttempt {
        WebhookAttempt(
            at: try row.decode("at"), durationMs: try row.decode("duration_ms"), status: try row.decodeOptional("status"),
            error: try row.decodeOptional("error"), answer: try row.decodeOptional("answer"))
    }
}
