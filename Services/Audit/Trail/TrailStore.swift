import Contracts
import Foundation
import Postgres
import Primitives

/// What somebody looks for in the trail; nil is anything.
struct TrailFilter: Sendable, Equatable {
    var actor: String?
    var action: String?
    var outcome: String?
    /// `type:id`, or an id.
    var target: String?
    var from: Date?
    var to: Date?
}

/// The SQL of the trail.
enum TrailStore {
    static func insert(_ entries: [(EventHeader, AuditRecord)], source: ServiceName, at instant: Date, in transaction: Transaction) async throws {
        let headers = entries.map(\.0)
        let records = entries.map(\.1)
        try await transaction.query(
            """
            insert into events (tenant_id, id, workspace_id, occurred_at, recorded_at, type, source, action, outcome, actor_kind, actor_id,
                                actor_name, targets, address, user_agent, request, trace, changes, metadata)
            select n.tenant_id, n.id, n.workspace_id, n.occurred_at, \(instant), n.type, \(source.rawValue), n.action, n.outcome, n.actor_kind,
                   n.actor_id, n.actor_name, n.targets, n.address, n.user_agent, n.request, n.trace, n.changes, n.metadata
            from unnest(\(headers.map { $0.tenant ?? Trail.platform }), \(headers.map(\.id)), \(PostgresOptionals(headers.map(\.workspace))),
                        \(headers.map(\.occurredAt)), \(headers.map(\.type)), \(records.map(\.action)), \(records.map(\.outcome.rawValue)),
                        \(headers.map(\.actor.kind.rawValue)), \(headers.map(\.actor.id)), \(PostgresOptionals(headers.map(\.actor.name))),
                        \(try records.map { try PostgresJSON($0.targets) }), \(PostgresOptionals(records.map(\.address))),
                        \(PostgresOptionals(records.map(\.userAgent))), \(PostgresOptionals(records.map(\.request))),
                        \(PostgresOptionals(headers.map(TrailRules.trace(of:)))), \(try records.map { try PostgresJSON($0.changes) }),
                        \(try records.map { try PostgresJSON($0.metadata) }))
                 as n (tenant_id, id, workspace_id, occurred_at, type, action, outcome, actor_kind, actor_id, actor_name, targets, address,
                       user_agent, request, trace, changes, metadata)
            on conflict (tenant_id, id) do nothing
            """)
        try await insertTargets(of: entries, in: transaction)
    }

    /// What the target filter finds events by.
    private static func insertTargets(of entries: [(EventHeader, AuditRecord)], in transaction: Transaction) async throws {
        let found = entries.flatMap { header, record in
            record.targets.flatMap { ["\($0.type):\($0.id)", $0.id] }.map { (tenant: header.tenant ?? Trail.platform, target: $0, event: header.id) }
        }
        try await transaction.query(
            """
            insert into event_targets (tenant_id, target, event_id)
            select * from unnest(\(found.map(\.tenant)), \(found.map(\.target)), \(found.map(\.event))) on conflict do nothing
            """)
    }

    /// A page, newest first; ids carry the time, so time bounds are bounds on ids.
    static func page(
        of tenant: TenantID, _ filter: TrailFilter, before cursor: EventID?, limit: Int, in database: Database
    ) async throws -> [TrailEvent] {
        let rows = try await database.query(
            as: tenant,
            """
            select id, workspace_id, occurred_at, recorded_at, type, source, action, outcome, actor_kind, actor_id, actor_name, targets, address,
                   user_agent, request, changes, metadata
            from events where \(condition(tenant, filter, before: cursor)) order by id desc limit \(limit)
            """)
        return try rows.map(event)
    }

    /// Each comparison is one that row-level security lets an index answer.
    static func condition(_ tenant: TenantID, _ filter: TrailFilter, before cursor: EventID?) -> SQL {
        var conditions: [SQL] = ["tenant_id = \(tenant)"]
        if let cursor { conditions.append("id < \(cursor)") }
        if let actor = filter.actor { conditions.append("actor_id = \(actor)") }
        if let action = filter.action { conditions.append("action = \(action)") }
        if let outcome = filter.outcome { conditions.append("outcome = \(outcome)") }
        if let target = filter.target {
            conditions.append("id in (select event_id from event_targets where tenant_id = \(tenant) and target = \(target))")
        }
        if let from = filter.from { conditions.append("id >= \(UUID.lowest(at: from))") }
        if let to = filter.to { conditions.append("id < \(UUID.lowest(at: to))") }
        return SQL.joined(conditions, separator: " and ")
    }

    private static func event(_ row: Row) throws -> TrailEvent {
        func json<Value: Decodable>(_ column: StaticString, as type: Value.Type) throws -> Value {
            try WireJSON.decoder().decode(type, from: Data(try row.decode(column, as: String.self).utf8))
        }
        return TrailEvent(
            id: try row.decode("id"), workspace: try row.decodeOptional("workspace_id"), occurredAt: try row.decode("occurred_at"),
            recordedAt: try row.decode("recorded_at"), type: try row.decode("type"), source: try row.decode("source"),
            action: try row.decode("action"), outcome: try row.decode("outcome"),
            actor: EventActor(
                kind: try row.decode("actor_kind"), id: try row.decode("actor_id"), name: try row.decodeOptional("actor_name")),
            targets: try json("targets", as: [AuditRecord.Target].self), address: try row.decodeOptional("address"),
            userAgent: try row.decodeOptional("user_agent"), request: try row.decodeOptional("request"),
            changes: try json("changes", as: [AuditRecord.Change].self), metadata: try json("metadata", as: [String: String].self))
    }
}
