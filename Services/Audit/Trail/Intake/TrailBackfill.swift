import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Moves what was written before there were trees: the oldest first, numbered like any entry, with the instant at which it was recorded then.
struct TrailBackfill: Service {
    static let batch = 200
    /// Held by whoever moves or erases, so that no name comes back with an entry that is just on its way.
    static let lock: SQL = "select pg_advisory_xact_lock(hashtextextended('audit.trail_backfill', 0))"

    let database: Database
    let trail: Trail
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "moving the old trail", logger: logger)
            var damaged: Set<TenantID> = []
            while !Task.isCancelled {
                do {
                    guard try await step(but: &damaged) > 0 else { break }
                    outage.ended()
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
            // A service that returns would end its group.
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
        }
    }

    /// Moves a batch of all but the companies whose trees are damaged; how many there were, zero at the end.
    func step(but damaged: inout Set<TenantID>) async throws -> Int {
        let passed = Array(damaged)
        let old: SQL = "select e.id from events e where e.tenant_id <> all(\(passed)) order by e.tenant_id, e.id limit \(Self.batch)"
        let months = Set(
            try await database.query(old).compactMap { row in
                try row.decode("id", as: UUID.self).v7Instant.map { TrailTime($0).month }
            })
        for month in months { try await database.query("select trail_make_partitions(\(month)::date, 1) as made") }
        let (count, refused) = try await database.transaction { transaction -> (Int, [TenantID]) in
            try await transaction.query(Self.lock)
            let rows = try await transaction.query(
                """
                select tenant_id, id, workspace_id, occurred_at, recorded_at, type, source, action, outcome, actor_kind, actor_id, actor_name,
                       targets, address, user_agent, request, trace, changes, metadata
                from events where tenant_id <> all(\(passed)) order by tenant_id, id limit \(Self.batch)
                """)
            let entries = try rows.map(Self.entry)
            guard !entries.isEmpty else { return (0, []) }
            let refused = try await trail.append(entries, in: transaction)
            try await transaction.query("select forget_moved_events(\(entries.map(\.id))) as forgotten")
            return (entries.count, Array(refused.keys))
        }
        damaged.formUnion(refused)
        return count
    }

    private static func entry(_ row: Row) throws -> TrailEntry {
        func json<Value: Decodable>(_ column: StaticString, as type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: Data(try row.decode(column, as: String.self).utf8))
        }
        let tenant: TenantID = try row.decode("tenant_id")
        let header = EventHeader(
            id: try row.decode("id"), type: try row.decode("type"), version: 1, tenant: tenant, workspace: try row.decodeOptional("workspace_id"),
            aggregate: nil,
            actor: EventActor(
                kind: try row.decode("actor_kind"), id: try row.decode("actor_id"), name: try row.decodeOptional("actor_name")),
            trace: try row.decodeOptional("trace"), occurredAt: try row.decode("occurred_at"), audit: nil)
        let record = AuditRecord(
            action: try row.decode("action"), outcome: try row.decode("outcome"), targets: try json("targets", as: [AuditRecord.Target].self),
            address: try row.decodeOptional("address"), userAgent: try row.decodeOptional("user_agent"),
            request: try row.decodeOptional("request"), changes: try json("changes", as: [AuditRecord.Change].self),
            metadata: try json("metadata", as: [String: String].self))
        return TrailEntry(header, record, source: try row.decode("source"), recordedAt: try row.decode("recorded_at"))
    }
}
