import Contracts
import Foundation
import Postgres

/// Ends exports whose files name a person, or that were asked for by the address; they can be made anew without it.
///
/// It comes after the lead is gone: whoever writes a batch at this moment is waited for, and later ones do not hold the person any more.
struct ExportEraser: Sendable {
    /// Of a file, in one transaction; each is at most a mebibyte.
    private static let parts: Int64 = 50

    let address: String
    let tenant: TenantID

    /// Looks at some parts of one export; how far it has come, nil when there are no more exports.
    func step(after place: TraceScan.Place, at now: Date, in transaction: Transaction) async throws -> TraceScan.Place? {
        let which: SQL = place.part > 0 ? "id = \(place.row)" : "id > \(place.row)"
        let found = try await transaction.query(
            """
            select id, parts, position(\(address) in lower(filter::text)) > 0 as is_named from lead_exports
            where tenant_id = \(tenant) and \(which) order by id limit 1 for update
            """)
        guard let row = found.first else {
            // One that was half read has gone by itself.
            return place.part > 0 ? TraceScan.Place(row: place.row, part: 0) : nil
        }
        let export: UUID = try row.decode("id")
        let end = place.part + Self.parts
        if try row.decode("is_named") {
            try await cancel(export, at: now, in: transaction)
        } else if try await isNamed(inPartsOf: export, place.part..<end, in: transaction) {
            try await cancel(export, at: now, in: transaction)
        } else if try row.decode("parts", as: Int64.self) > end {
            return TraceScan.Place(row: export, part: end)
        }
        return TraceScan.Place(row: export, part: 0)
    }

    private func isNamed(inPartsOf export: UUID, _ range: Range<Int64>, in transaction: Transaction) async throws -> Bool {
        // A part ends anywhere, so also within an address.
        try await transaction.query(
            """
            select exists (
                select from lead_export_parts p
                left join lead_export_parts n on n.tenant_id = p.tenant_id and n.export_id = p.export_id and n.part = p.part + 1
                where p.tenant_id = \(tenant) and p.export_id = \(export) and p.part >= \(range.lowerBound) and p.part < \(range.upperBound)
                  and position(convert_to(\(address), 'UTF8') in p.content || coalesce(substring(n.content from 1 for 320), '')) > 0) as is_named
            """)[0].decode("is_named")
    }

    private func cancel(_ export: UUID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            """
            update lead_exports set status = 'cancelled', failure = 'a person in it was erased', filter = '{}', bytes = 0, parts = 0,
                finished_at = coalesce(finished_at, \(now))
            where tenant_id = \(tenant) and id = \(export)
            """,
            "delete from lead_export_parts where tenant_id = \(tenant) and export_id = \(export)",
        ])
    }
}
