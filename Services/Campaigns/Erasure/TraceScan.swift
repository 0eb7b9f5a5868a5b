import Contracts
import Foundation
import Postgres

/// Reads what no index finds of a person, some of it a transaction; how far it has come is in the erasure's row, in the commit of what was removed.
struct TraceScan: Sendable {
    enum Stage: String, Sendable {
        case rejectedRows = "rejected_rows"
        case exports
        case answers
        case lateRows = "late_rows"
        case done
    }

    /// The import or export that was looked at last, and the line or part in it; 0: it is through.
    struct Place: Sendable, Equatable {
        static let start = Place(row: ImportID.zero.uuid, part: 0)

        let row: UUID
        let part: Int64
    }

    /// Of one transaction.
    private static let rows = 20_000

    let lead: LeadID
    /// In the form that leads have, which is lower case.
    let address: String
    let tenant: TenantID

    /// One step; true when nothing is left to read. Without an erasure of the lead there is nothing to do.
    func step(at now: Date, in transaction: Transaction) async throws -> Bool {
        let found = try await transaction.query(
            "select scan, scan_row, scan_part, stopped_at from erasures where tenant_id = \(tenant) and lead_id = \(lead) for update")
        guard let row = found.first else { return true }
        let stage: Stage = try row.decode("scan")
        let place = Place(row: try row.decode("scan_row"), part: try row.decode("scan_part"))
        switch stage {
        case .rejectedRows: try await save(stage, try await rejectedRows(after: place, in: transaction), next: .exports, in: transaction)
        case .exports:
            let exports = ExportEraser(address: address, tenant: tenant)
            try await save(stage, try await exports.step(after: place, at: now, in: transaction), next: .answers, in: transaction)
        case .answers:
            try await answers(in: transaction)
            try await save(stage, nil, next: .lateRows, in: transaction)
        case .lateRows:
            let stopped: Date = try row.decode("stopped_at")
            try await save(stage, try await lateRows(since: stopped, after: place, in: transaction), next: .done, in: transaction)
        case .done: return true
        }
        return false
    }

    /// Nil of `place`: the stage is through.
    private func save(_ stage: Stage, _ place: Place?, next: Stage, in transaction: Transaction) async throws {
        let (stage, place) = place.map { (stage, $0) } ?? (next, Place.start)
        try await transaction.query(
            """
            update erasures set scan = \(stage), scan_row = \(place.row), scan_part = \(place.part)
            where tenant_id = \(tenant) and lead_id = \(lead)
            """)
    }

    /// Rows that were rejected for something else, with the address somewhere in them.
    private func rejectedRows(after place: Place, in transaction: Transaction) async throws -> Place? {
        try await removeRows(
            of: """
                select e.ctid as place, e.import_id, e.line, e.raw from import_errors e
                where e.tenant_id = \(tenant) and (e.import_id, e.line) > (\(place.row), \(place.part)) order by e.import_id, e.line
                limit \(Self.rows)
                """, in: transaction)
    }

    /// Once more those of imports that went on since the lead left its campaigns, one import after another.
    private func lateRows(since stopped: Date, after place: Place, in transaction: Transaction) async throws -> Place? {
        var run = place.row
        if place.part == 0 {
            let next = try await transaction.query(
                """
                select id from imports where tenant_id = \(tenant) and id > \(place.row) and updated_at >= \(stopped) and rejected > 0
                order by id limit 1
                """)
            guard let row = next.first else { return nil }
            run = try row.decode("id")
        }
        let last = try await removeRows(
            of: """
                select e.ctid as place, e.import_id, e.line, e.raw from import_errors e
                where e.tenant_id = \(tenant) and e.import_id = \(run) and e.line > \(place.part) order by e.line limit \(Self.rows)
                """, in: transaction)
        return last ?? Place(row: run, part: 0)
    }

    /// Removes those of some rows that hold the address; the last of them all, or nil when there were fewer than were asked for.
    private func removeRows(of page: SQL, in transaction: Transaction) async throws -> Place? {
        let last = try await transaction.query(
            """
            with page as materialized (\(page)),
            gone as (
                delete from import_errors where ctid = any(array(select place from page where position(\(address) in lower(raw)) > 0)))
            select import_id, line, count(*) over () as n from page order by import_id desc, line desc limit 1
            """
        ).first
        guard let last, try last.decode("n", as: Int.self) == Self.rows else { return nil }
        return Place(row: try last.decode("import_id"), part: try last.decode("line"))
    }

    /// Answers of a day that could be repeated: they tell of the lead, or say why it is erased.
    private func answers(in transaction: Transaction) async throws {
        try await transaction.query(
            """
            delete from idempotency_keys where tenant_id = \(tenant) and (
                position(\(lead.description) in lower(route)) > 0 or position(convert_to(\(address), 'UTF8') in body) > 0)
            """)
    }
}
