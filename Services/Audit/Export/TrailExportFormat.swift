import Contracts
import Foundation

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

    /// One entry, with its line end; `line` is what was checked of it.
    func line(_ entry: TrailEntry, _ line: TrailLine) -> String {
        switch self {
        case .csv: CSVRecord.line(Self.cells(entry, seq: line.seq))
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

    private static func cells(_ entry: TrailEntry, seq: Int64) -> [String] {
        let details = entry.details
        let targets = CanonicalJSON.array(
            entry.targets.enumerated().map { index, target in
                var members: [CanonicalJSON.Member] = [.init("id", .string(target.id)), .init("type", .string(target.type))]
                if index < details.targetNames.count, let name = details.targetNames[index] { members.append(.init("name", .string(name))) }
                return .object(members)
            })
        let head: [String] = [
            String(seq), entry.id.description, TrailTime(entry.occurredAt).text, TrailTime(entry.recordedAt).text,
        ]
        let who: [String?] = [entry.action, entry.outcome, entry.actorKind, entry.actorID, details.actorName, targets.text]
        let origin: [String?] = [entry.workspace?.description, details.address, details.userAgent, entry.request, entry.trace]
        let rest: [String?] = [
            entry.supportSession, entry.source, entry.type, details.canonicalChanges?.text, details.canonicalMetadata?.text,
        ]
        return head + (who + origin + rest).map { CSVRecord.harmless($0 ?? "") }
    }
}
