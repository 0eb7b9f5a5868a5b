import Contracts
import Foundation
import Postgres

/// Whether Stripe's word arrives and is acted on.
struct WebhookHealth: Encodable, Sendable {
    struct Endpoint: Encodable, Sendable {
        /// `platform` or `connect`.
        let name: String
        /// How many events are in which state: those of the last 30 days, and everything that still waits.
        let counts: [String: Int]
        let oldestPendingAt: Date?
        let oldestPendingSeconds: Int?
        /// No word for a while is no alarm: a quiet night has none.
        let lastReceivedAt: Date?
        /// Events of another version of Stripe's API than ours: their endpoint at Stripe is made wrong.
        let versionMismatches: Int
    }

    struct Loop: Encodable, Sendable {
        let name: String
        let lastRunAt: Date?
    }

    let apiVersion: String
    let endpoints: [Endpoint]
    let loops: [Loop]
    let asOf: Date
}

/// An event of Stripe's as we keep it; what it says is not kept.
struct StoredEvent: Encodable, Sendable {
    let account: String
    let id: String
    let type: String
    let apiVersion: String?
    let objectType: String?
    let objectId: String?
    let tenant: TenantID?
    let source: String
    let state: String
    let attempts: Int
    let error: String?
    let createdAt: Date
    let receivedAt: Date
    let nextAt: Date
    let handledAt: Date?

    /// Where a page of events ends.
    struct Place: Codable, Sendable {
        let receivedAt: Date
        let account: String
        let id: String
    }

    var place: Place { Place(receivedAt: receivedAt, account: account, id: id) }

    static let states = ["pending", "parked", "done", "ignored", "failed"]
}

/// The SQL of looking at events.
enum EventLookStore {
    private static let window: TimeInterval = 30 * 86_400

    static func health(at now: Date, in database: Database) async throws -> WebhookHealth {
        let rows = try await database.query(
            """
            select e.account <> '' as is_connect, e.state, count(*) as n, max(e.received_at) as last_received,
                   min(e.received_at) filter (where e.state in ('pending', 'parked')) as oldest,
                   count(*) filter (where e.api_version is distinct from \(StripeClient.apiVersion)) as others
            from stripe_events e
            where e.received_at > \(now.addingTimeInterval(-window)) or e.state in ('pending', 'parked')
            group by 1, 2
            """)
        let loops = try await database.query("select name, last_run_at from billing_loops order by name").map {
            WebhookHealth.Loop(name: try $0.decode("name"), lastRunAt: try $0.decodeOptional("last_run_at"))
        }
        let endpoints = try [false, true].map { try endpoint(isConnect: $0, rows, now: now) }
        return WebhookHealth(apiVersion: StripeClient.apiVersion, endpoints: endpoints, loops: loops, asOf: now)
    }

    private static func endpoint(isConnect: Bool, _ rows: Rows, now: Date) throws -> WebhookHealth.Endpoint {
        var counts = Dictionary(uniqueKeysWithValues: StoredEvent.states.map { ($0, 0) })
        var (oldest, last): (Date?, Date?) = (nil, nil)
        var others = 0
        for row in rows {
            guard try row.decode("is_connect", as: Bool.self) == isConnect else { continue }
            let state: String = try row.decode("state")
            counts[state] = try row.decode("n", as: Int.self)
            others += try row.decode("others", as: Int.self)
            let (waiting, received): (Date?, Date?) = (try row.decodeOptional("oldest"), try row.decodeOptional("last_received"))
            oldest = [oldest, waiting].compactMap(\.self).min()
            last = [last, received].compactMap(\.self).max()
        }
        return WebhookHealth.Endpoint(
            name: isConnect ? "connect" : "platform", counts: counts, oldestPendingAt: oldest,
            oldestPendingSeconds: oldest.map { max(0, Int(now.timeIntervalSince($0))) }, lastReceivedAt: last, versionMismatches: others)
    }

    /// The newest first, after `start`; all states for nil.
    static func events(in state: String?, after start: StoredEvent.Place?, limit: Int, in database: Database) async throws -> [StoredEvent] {
        let inState: SQL = if let state { "e.state = \(state)" } else { "true" }
        return try await database.query(
            """
            select e.account, e.id, e.type, e.api_version, e.object_type, e.object_id, e.tenant_id, e.source, e.state, e.attempts, e.error,
                   e.created_at, e.received_at, e.next_at, e.handled_at
            from stripe_events e
            where \(inState)
              and (\(start?.receivedAt)::timestamptz is null
                   or (e.received_at, e.account, e.id) < (\(start?.receivedAt)::timestamptz, \(start?.account)::text, \(start?.id)::text))
            order by e.received_at desc, e.account desc, e.id desc limit \(limit)
            """
        ).map { row in
            StoredEvent(
                account: try row.decode("account"), id: try row.decode("id"), type: try row.decode("type"),
                apiVersion: try row.decodeOptional("api_version"), objectType: try row.decodeOptional("object_type"),
                objectId: try row.decodeOptional("object_id"), tenant: try row.decodeOptional("tenant_id"), source: try row.decode("source"),
                state: try row.decode("state"), attempts: try row.decode("attempts"), error: try row.decodeOptional("error"),
                createdAt: try row.decode("created_at"), receivedAt: try row.decode("received_at"), nextAt: try row.decode("next_at"),
                handledAt: try row.decodeOptional("handled_at"))
        }
    }
}
