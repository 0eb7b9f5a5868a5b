import Contracts
import Foundation
import Postgres

/// The SQL of incidents and announced work.
enum IncidentStore {
    private static let columns: SQL = "id, title, impact, state, components, automatic, started_at, updated_at, resolved_at"
    private static let maintenanceColumns: SQL = "id, title, message, components, starts_at, ends_at, cancelled_at, updated_at"

    static func apply(_ change: IncidentChange, in transaction: Transaction) async throws {
        switch change {
        case .opened(let incident): try await insert(incident, in: transaction)
        case .resolved(let id, let update):
            // What the staff took over is the staff's to resolve.
            try await transaction.query(
                """
                with resolved as (
                    update status_incidents set state = 'resolved', resolved_at = \(update.at), updated_at = \(update.at)
                    where id = \(id) and automatic and resolved_at is null returning id)
                insert into status_incident_updates (incident_id, id, state, message, at)
                select r.id, \(update.id), \(update.state), \(update.message), \(update.at) from resolved r
                """)
        }
    }

    /// The same incident again changes nothing.
    static func insert(_ incident: Incident, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into status_incidents (\(columns))
            values (\(incident.id), \(incident.title), \(incident.impact), \(incident.state), \(incident.components), \(incident.automatic),
                    \(incident.startedAt), \(incident.updatedAt), \(incident.resolvedAt))
            on conflict (id) do nothing
            """)
        for update in incident.updates { try await append(update, to: incident.id, in: transaction) }
    }

    static func append(_ update: Incident.Update, to incident: IncidentID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into status_incident_updates (incident_id, id, state, message, at)
            values (\(incident), \(update.id), \(update.state), \(update.message), \(update.at)) on conflict (incident_id, id) do nothing
            """)
    }

    /// Locks the incident and counts what was said of it; nil when there is none.
    static func lock(_ id: IncidentID, in transaction: Transaction) async throws -> Int? {
        guard try await transaction.query("select id from status_incidents where id = \(id) for update").first != nil else { return nil }
        let row = try await transaction.query("select count(*) as said from status_incident_updates where incident_id = \(id)")[0]
        return try row.decode("said", as: Int.self)
    }

    /// What the staff says holds from now on: the probes leave the incident alone.
    static func update(_ id: IncidentID, _ input: IncidentUpdateInput, at instant: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update status_incidents set state = \(input.state), automatic = false, updated_at = \(instant),
                title = coalesce(\(input.title), title), impact = coalesce(\(input.impact?.rawValue), impact),
                components = coalesce(\(input.components), components),
                resolved_at = case when \(input.state == .resolved) then coalesce(resolved_at, \(instant)) end
            where id = \(id)
            """)
    }

    static func incident(_ id: IncidentID, in database: Database) async throws -> Incident? {
        try await incidents("where id = \(id)", in: database).first
    }

    /// What the public is shown: all open ones, and the newest of the last 90 days.
    static func shown(now: Date, in database: Database) async throws -> [Incident] {
        let cut = now.addingTimeInterval(-90 * 86_400)
        return try await incidents(
            """
            where resolved_at is null or id in (
                select id from status_incidents where started_at >= \(cut) order by started_at desc, id desc limit 200)
            order by started_at desc, id desc
            """, in: database)
    }

    static func page(before cursor: IncidentID?, limit: Int, in database: Database) async throws -> [Incident] {
        guard let cursor else { return try await incidents("order by id desc limit \(limit)", in: database) }
        return try await incidents("where id < \(cursor) order by id desc limit \(limit)", in: database)
    }

    private static func incidents(_ selection: SQL, in database: Database) async throws -> [Incident] {
        let rows = try await database.query("select \(columns) from status_incidents \(selection)")
        guard !rows.isEmpty else { return [] }
        let ids = try rows.map { try $0.decode("id", as: IncidentID.self) }
        var updates: [IncidentID: [Incident.Update]] = [:]
        let said = try await database.query(
            """
            select incident_id, id, state, message, at from status_incident_updates where incident_id = any(\(ids)) order by incident_id, id desc
            """)
        for row in said {
            let update = Incident.Update(
                id: try row.decode("id"), state: try row.decode("state"), message: try row.decode("message"), at: try row.decode("at"))
            updates[try row.decode("incident_id", as: IncidentID.self), default: []].append(update)
        }
        return try rows.map { row in
            let id: IncidentID = try row.decode("id")
            return Incident(
                id: id, title: try row.decode("title"), impact: try row.decode("impact"), state: try row.decode("state"),
                components: try row.decode("components"), automatic: try row.decode("automatic"), startedAt: try row.decode("started_at"),
                updatedAt: try row.decode("updated_at"), resolvedAt: try row.decodeOptional("resolved_at"), updates: updates[id] ?? [])
        }
    }

    // MARK: - Announced work

    static func insert(_ maintenance: Maintenance, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into status_maintenances (\(maintenanceColumns))
            values (\(maintenance.id), \(maintenance.title), \(maintenance.message), \(maintenance.components), \(maintenance.startsAt),
                    \(maintenance.endsAt), \(maintenance.cancelledAt), \(maintenance.updatedAt))
            """)
    }

    /// Calls it off, or ends it early; nil when there is none that could still end.
    static func cancel(_ id: MaintenanceID, at instant: Date, in transaction: Transaction) async throws -> Maintenance? {
        try await transaction.query(
            """
            update status_maintenances set cancelled_at = \(instant), updated_at = \(instant)
            where id = \(id) and cancelled_at is null and ends_at > \(instant) returning \(maintenanceColumns)
            """
        ).first.map(maintenance)
    }

    /// What lasts or is to come, the next first.
    static func announced(now: Date, in database: Database) async throws -> [Maintenance] {
        try await database.query(
            """
            select \(maintenanceColumns) from status_maintenances where ends_at > \(now) and cancelled_at is null order by starts_at, id limit 50
            """
        ).map(maintenance)
    }

    static func maintenances(before cursor: MaintenanceID?, limit: Int, in database: Database) async throws -> [Maintenance] {
        let start: SQL = if let cursor { "where id < \(cursor)" } else { "" }
        return try await database.query(
            "select \(maintenanceColumns) from status_maintenances \(start) order by id desc limit \(limit)"
        ).map(maintenance)
    }

    private static func maintenance(_ row: Row) throws -> Maintenance {
        Maintenance(
            id: try row.decode("id"), title: try row.decode("title"), message: try row.decode("message"),
            components: try row.decode("components"), startsAt: try row.decode("starts_at"), endsAt: try row.decode("ends_at"),
            cancelledAt: try row.decodeOptional("cancelled_at"), updatedAt: try row.decode("updated_at"))
    }
}
