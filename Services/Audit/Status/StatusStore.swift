import Contracts
import Foundation
import Postgres

/// The SQL of what the keeper remembers.
enum StatusStore {
    /// All that one replica saw and the database does not know yet.
    struct Findings: Sendable {
        let watches: [String: ComponentWatch]
        let samples: [String: [Sample]]
        let ledger: MinuteLedger
        let changes: [IncidentChange]
        let now: Date
    }

    struct Remembered: Sendable {
        let watch: ComponentWatch
        let samples: [Sample]
        let seenAt: Date
    }

    /// True when the findings are written: only the replica that holds the lease writes. Writing the same again changes nothing.
    static func save(_ findings: Findings, as holder: String, lease: TimeInterval, in database: Database) async throws -> Bool {
        try await database.transaction { transaction -> Bool in
            let mine = try await transaction.query(
                """
                update status_keeper set holder = \(holder), expires_at = now() + make_interval(secs => \(lease))
                where holder = \(holder) or expires_at <= now() returning holder
                """)
            guard !mine.isEmpty else { return false }
            var counted: [String: Int64] = [:]
            for row in try await transaction.query("select component, counted_until from status_components") {
                counted[try row.decode("component", as: String.self)] = try row.decode("counted_until", as: Int64.self)
            }
            let minute = MinuteLedger.minute(of: findings.now)
            try await count(findings.ledger.days(after: counted, before: minute), in: transaction)
            try await remember(findings, minute: minute, in: transaction)
            for change in findings.changes { try await IncidentStore.apply(change, in: transaction) }
            return true
        }
    }

    private static func count(_ days: [String: [UptimeDay]], in transaction: Transaction) async throws {
        var components: [String] = []
        var all: [UptimeDay] = []
        for (component, days) in days.sorted(by: { $0.key < $1.key }) {
            components += days.map { _ in component }
            all += days
        }
        guard let newest = all.map(\.day).max() else { return }
        try await transaction.query(
            """
            insert into status_days (day, component, operational, degraded, down, maintenance)
            select n.day, n.component, n.operational, n.degraded, n.down, n.maintenance
            from unnest(\(all.map(\.day)), \(components), \(all.map(\.operational)), \(all.map(\.degraded)), \(all.map(\.down)),
                        \(all.map(\.maintenance))) as n (day, component, operational, degraded, down, maintenance)
            on conflict (day, component) do update set operational = status_days.operational + excluded.operational,
                degraded = status_days.degraded + excluded.degraded, down = status_days.down + excluded.down,
                maintenance = status_days.maintenance + excluded.maintenance
            """)
        // A month longer than anybody is shown. The database's own clock must agree: one that was set wrong here would take the history away.
        try await transaction.query("delete from status_days where day < least(\(newest), current_date - date '1970-01-01') - 120")
    }

    private static func remember(_ findings: Findings, minute: Int64, in transaction: Transaction) async throws {
        let names = findings.watches.keys.sorted()
        guard !names.isEmpty else { return }
        let watches = names.map { findings.watches[$0] ?? ComponentWatch() }
        let samples = try names.map { try PostgresJSON(findings.samples[$0] ?? []) }
        try await transaction.query(
            """
            insert into status_components (component, samples, troubled_since, well_since, incident_id, counted_until, seen_at)
            select n.component, n.samples, n.troubled_since, n.well_since, n.incident_id, \(minute), \(findings.now)
            from unnest(\(names), \(samples), \(PostgresOptionals(watches.map(\.troubledSince))), \(PostgresOptionals(watches.map(\.wellSince))),
                        \(PostgresOptionals(watches.map(\.incident)))) as n (component, samples, troubled_since, well_since, incident_id)
            on conflict (component) do update set samples = excluded.samples, troubled_since = excluded.troubled_since,
                well_since = excluded.well_since, incident_id = excluded.incident_id, seen_at = excluded.seen_at,
                counted_until = greatest(status_components.counted_until, excluded.counted_until)
            """)
    }

    static func remembered(in database: Database) async throws -> [String: Remembered] {
        var result: [String: Remembered] = [:]
        let rows = try await database.query("select component, samples, troubled_since, well_since, incident_id, seen_at from status_components")
        for row in rows {
            let samples = try WireJSON.decoder().decode([Sample].self, from: Data(try row.decode("samples", as: String.self).utf8))
            let watch = ComponentWatch(
                troubledSince: try row.decodeOptional("troubled_since"), wellSince: try row.decodeOptional("well_since"),
                incident: try row.decodeOptional("incident_id"))
            let component: String = try row.decode("component")
            result[component] = Remembered(watch: watch, samples: samples, seenAt: try row.decode("seen_at"))
        }
        return result
    }

    /// The last 90 days, today among them, of every part.
    static func days(until today: Int, in database: Database) async throws -> [String: [UptimeDay]] {
        let rows = try await database.query(
            """
            select day, component, operational, degraded, down, maintenance from status_days where day > \(today - 90) order by day, component
            """)
        var result: [String: [UptimeDay]] = [:]
        for row in rows {
            let component: String = try row.decode("component")
            let day = UptimeDay(
                day: try row.decode("day"), operational: try row.decode("operational"), degraded: try row.decode("degraded"),
                down: try row.decode("down"), maintenance: try row.decode("maintenance"))
            result[component, default: []].append(day)
        }
        return result
    }
}
