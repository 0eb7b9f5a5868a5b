import Contracts
import Foundation
import Postgres

/// What happens to a row whose address is known.
enum Duplicates: String, Codable, Sendable {
    /// The lead keeps its values, and is attached to the workspace, list and tags.
    case skip
    /// As `skip`, and values that the row has replace the lead's.
    case update
    /// The lead is left wholly alone.
    case createOnly = "create_only"
}

/// A run of an import, as its owner sees it; created, updated, duplicates and rejected sum to the rows.
///
/// `updated` counts leads from before the import that it changed, each once; every other row of a known address, and each repeated one, counts as
/// a duplicate, also where its values were taken. So the counts do not depend on where batches end.
struct LeadImport: Codable, Sendable, Equatable {
    enum Status: String, Codable, Sendable {
        case running
        case completed
        case failed
        case cancelled
        case rollingBack = "rolling_back"
        case rolledBack = "rolled_back"
    }

    let id: ImportID
    let workspace: WorkspaceID
    let fileName: String
    var status = Status.running
    var rows: Int64 = 0
    var created: Int64 = 0
    var updated: Int64 = 0
    var duplicates: Int64 = 0
    var rejected: Int64 = 0
    /// Of the rejected rows how many for which reason; nil for imports from before this was counted.
    var rejectedByReason: [String: Int64]? = [:]
    /// What a rollback took back, and what it left because somebody has changed or enrolled it since.
    var reverted: Int64 = 0
    var kept: Int64 = 0
    let onDuplicate: Duplicates
    let list: ListID?
    let tags: [String]
    var encoding: FileEncoding?
    var delimiter: String?
    var hasHeader = true
    /// Left out of lists, since it may be long.
    var header: [String]?
    /// Whether it left snapshots to go back to.
    var isReversible = true
    var failure: String?
    let startedAt: Date
    var updatedAt: Date
    var finishedAt: Date?
}

extension LeadImport {
    /// All but the header.
    private static let shortColumns: SQL =
        """
        id, workspace_id, file_name, status, rows, created, updated, duplicates, rejected, reverted, kept, on_duplicate, list_id, tags, encoding,
        delimiter, has_header, is_reversible, failure, started_at, updated_at, finished_at, rejections::text as rejections
        """
    static let columns: SQL = "\(shortColumns), header"
    /// For many at once.
    static let listColumns: SQL = "\(shortColumns), null::text[] as header"

    init(row: Row) throws {
        id = try row.decode("id")
        workspace = try row.decode("workspace_id")
        fileName = try row.decode("file_name")
        status = try row.decode("status")
        rows = try row.decode("rows")
        created = try row.decode("created")
        updated = try row.decode("updated")
        duplicates = try row.decode("duplicates")
        rejected = try row.decode("rejected")
        rejectedByReason = try row.decodeOptional("rejections", as: String.self).map { text in
            try JSONDecoder().decode([String: Int64].self, from: Data(text.utf8))
        }
        reverted = try row.decode("reverted")
        kept = try row.decode("kept")
        onDuplicate = try row.decode("on_duplicate")
        list = try row.decodeOptional("list_id")
        tags = try row.decode("tags")
        encoding = try row.decodeOptional("encoding", as: String.self).flatMap(FileEncoding.init(rawValue:))
        delimiter = try row.decodeOptional("delimiter")
        hasHeader = try row.decode("has_header")
        header = try row.decodeOptional("header")
        isReversible = try row.decode("is_reversible")
        failure = try row.decodeOptional("failure")
        startedAt = try row.decode("started_at")
        updatedAt = try row.decode("updated_at")
        finishedAt = try row.decodeOptional("finished_at")
    }
}

extension LeadImport {
    /// The counts as they are kept.
    var rejections: PostgresJSON? {
        guard let counts = rejectedByReason, let text = try? JSONEncoder().encode(counts) else { return nil }
        return PostgresJSON(text: String(decoding: text, as: UTF8.self))
    }

    /// Counts rows that were left out.
    mutating func count(_ rows: [RejectedRow]) {
        rejected += Int64(rows.count)
        for row in rows { rejectedByReason?[row.error.reason, default: 0] += 1 }
    }
}

/// Why one row was left out.
struct ImportRowError: Codable, Sendable, Equatable {
    let line: Int64
    let reason: String
    var field: String?
    var value: String?
}

/// A row that was left out, with the record itself so that it can be corrected.
struct RejectedRow: Sendable {
    /// What is kept of a record.
    static let maximumRaw = 16 << 10

    let error: ImportRowError
    /// The record as CSV with commas.
    let raw: String

    init(_ record: CSVRecord, _ rejection: LeadRow.Rejection) {
        error = ImportRowError(
            line: Int64(record.line), reason: rejection.reason, field: rejection.field, value: rejection.value.map(Self.storable))
        let text = Self.storable(CSVWriter.record(record.strings))
        raw = text.utf8.count <= Self.maximumRaw ? text : String(decoding: text.utf8.prefix(Self.maximumRaw), as: UTF8.self)
    }

    /// About how much memory it takes.
    var size: Int { raw.utf8.count + (error.field?.utf8.count ?? 0) + (error.value?.utf8.count ?? 0) + 256 }

    init(error: ImportRowError, raw: String) {
        self.error = error
        self.raw = raw
    }

    /// Postgres keeps no NUL.
    private static func storable(_ text: String) -> String {
        text.utf8.contains(0) ? text.replacing("\0", with: "") : text
    }
}
