import Contracts
import Foundation
import Postgres

/// How entries are written into a file.
enum TrailExportFormat: String, Codable, Sendable, CaseIterable {
    /// One table with the same columns whatever is in it.
    case csv
    /// One entry a line: what its leaf is the hash of, and what of the erasable is still there, with its salt. Between them the subtrees that stand
    /// for what is left out; the last line is the manifest.
    case ndjson

    var contentType: String {
        switch self {
        case .csv: "text/csv; charset=utf-8"
        case .ndjson: "application/x-ndjson"
        }
    }

    static let columns = [
        "seq", "id", "occurred_at", "recorded_at", "action", "outcome", "actor_kind", "actor_id", "actor_name", "targets", "workspace_id",
        "address", "user_agent", "request", "trace", "support_session", "source", "type", "changes", "metadata",
    ]

    /// What stands before the first entry.
    var head: String {
        switch self {
        case .csv: CSVRecord.line(Self.columns)
        case .ndjson: ""
        }
    }

    /// One entry, with its line end; `row` as ``TrailStore/columns`` give it, `line` what was checked of it.
    func line(_ row: Row, _ line: TrailLine) throws -> String {
        switch self {
        case .csv: CSVRecord.line(try Self.cells(row))
        case .ndjson: line.text + "\n"
        }
    }

    /// The entries `first` to `last` are not in the file; `hashes` are the roots of the subtrees that they make.
    func gap(_ first: Int64, _ last: Int64, _ hashes: [Data]) -> String {
        switch self {
        case .csv: ""
        case .ndjson:
            "{\"gap\":[\(first),\(last)],\"hashes\":[\(hashes.map { "\"\($0.base64EncodedString())\"" }.joined(separator: ","))]}\n"
        }
    }

    private static func cells(_ row: Row) throws -> [String] {
        let entry = try TrailStore.entry(row)
        let details = entry.details
        let targets = entry.targets.enumerated().map { index, target in
            AuditRecord.Target(
                type: target.type, id: target.id, name: index < details.targetNames.count ? details.targetNames[index] : nil)
        }
        var changes: String?
        if !details.changes.isEmpty { changes = try json(details.changes) }
        var metadata: String?
        if !details.metadata.isEmpty { metadata = try json(details.metadata) }
        let head: [String] = [
            String(try row.decode("seq", as: Int64.self)), entry.id.description, TrailTime(entry.occurredAt).text, TrailTime(entry.recordedAt).text,
        ]
        let who: [String?] = [entry.action, entry.outcome, entry.actorKind, entry.actorID, details.actorName, try json(targets)]
        let origin: [String?] = [entry.workspace?.description, details.address, details.userAgent, entry.request, entry.trace]
        let rest: [String?] = [entry.supportSession, entry.source, entry.type, changes, metadata]
        return head + (who + origin + rest).map { CSVRecord.harmless($0 ?? "") }
    }

    private static func json(_ value: some Encodable) throws -> String {
        String(decoding: try WireJSON.encoder().encode(value), as: UTF8.self)
    }
}
