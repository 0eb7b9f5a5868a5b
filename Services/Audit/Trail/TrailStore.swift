import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL that reads the trail.
enum TrailStore {
    /// What an entry is read from; an entry whose details are gone is still one.
    static let source: SQL = """
        trail_events e left join trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
        """

    /// What ``event(_:)``, ``entry(_:)`` and ``line(_:)`` read.
    static let columns: SQL = """
        e.tenant_id, e.id, e.seq, e.workspace_id, e.occurred_at, e.recorded_at, e.type, e.source, e.action, e.outcome, e.actor_kind, e.actor_id,
        e.targets, e.request, e.trace, e.support_session, e.sd, e.leaf, d.actor_name, coalesce(d.target_names, '[]') as target_names, d.address,
        d.user_agent, coalesce(d.changes, '[]') as changes, coalesce(d.metadata, '{}') as metadata, coalesce(d.salts, '{}') as salts
        """

    /// An entry as it is shown.
    static func event(_ row: Row) throws -> TrailEvent {
        let entry = try Self.entry(row)
        let names = entry.details.targetNames
        let targets = entry.targets.enumerated().map { index, target in
            AuditRecord.Target(type: target.type, id: target.id, name: index < names.count ? names[index] : nil)
        }
        return TrailEvent(
            id: entry.id, seq: try row.decode("seq"), workspace: entry.workspace, occurredAt: entry.occurredAt, recordedAt: entry.recordedAt,
            skewMs: TrailEvent.skew(from: entry.occurredAt, to: entry.recordedAt), type: entry.type, source: entry.source, action: entry.action,
            outcome: .init(rawValue: entry.outcome),
            actor: EventActor(kind: .init(rawValue: entry.actorKind), id: entry.actorID, name: entry.details.actorName), targets: targets,
            address: entry.details.address, userAgent: entry.details.userAgent, request: entry.request, supportSession: entry.supportSession,
            changes: entry.details.changes, metadata: entry.details.metadata)
    }

    /// An entry as it is hashed.
    static func entry(_ row: Row) throws -> TrailEntry {
        let details = TrailDetails(
            actorName: try row.decodeOptional("actor_name"), targetNames: try array(row, "target_names").map(\.string),
            address: try row.decodeOptional("address"), userAgent: try row.decodeOptional("user_agent"),
            changes: try array(row, "changes").map(change), metadata: try texts(row, "metadata"))
        return TrailEntry(
            tenant: try row.decode("tenant_id"), id: try row.decode("id"), occurredAt: try row.decode("occurred_at"),
            recordedAt: try row.decode("recorded_at"), workspace: try row.decodeOptional("workspace_id"), type: try row.decode("type"),
            source: try row.decode("source"), action: try row.decode("action"), outcome: try row.decode("outcome"),
            actorKind: try row.decode("actor_kind"), actorID: try row.decode("actor_id"), targets: try array(row, "targets").map(target),
            request: try row.decodeOptional("request"), trace: try row.decodeOptional("trace"),
            supportSession: try row.decodeOptional("support_session"), details: details)
    }

    /// What the leaf must be by what stands in the row now.
    static func leafHash(_ row: Row) throws -> Data {
        let core = TrailLeaf.core(of: try entry(row), seq: try row.decode("seq"), digests: try texts(row, "sd"))
        return MerkleTree.leaf(core.bytes)
    }

    /// An entry as it is verified elsewhere: the text that was hashed, and what of the erasable fields is still there. Throws ``AlteredEntry`` when
    /// the row is not what it was when it was written.
    static func line(_ row: Row) throws -> TrailLine { try line(of: try entry(row), row) }

    /// The same of an entry that was read from the row before.
    static func line(of entry: TrailEntry, _ row: Row) throws -> TrailLine {
        let seq: Int64 = try row.decode("seq")
        let digests = try texts(row, "sd")
        let salts = try texts(row, "salts")
        let leaf = TrailLeaf.core(of: entry, seq: seq, digests: digests).text
        guard try MerkleTree.leaf(Array(leaf.utf8)) == row.decode("leaf", as: Data.self) else { throw AlteredEntry(seq: seq, field: nil) }
        let fields = entry.details.fields
        guard salts.count == fields.count else { throw AlteredEntry(seq: seq, field: salts.keys.sorted().first) }
        let disclosures = try fields.map { field in
            guard let salt = salts[field.name], let bytes = Data(hexadecimal: salt),
                TrailLeaf.digest(of: field.value, salt: bytes) == digests[field.name]
            else { throw AlteredEntry(seq: seq, field: field.name) }
            return TrailLine.Disclosure(field: field.name, salt: salt, value: field.value)
        }
        return TrailLine(seq: seq, leaf: leaf, disclosures: disclosures)
    }

    // MARK: - Columns of JSON

    /// A column does not have the form in which it was written.
    struct MalformedColumn: Error, CustomStringConvertible {
        let column: String

        var description: String { "the column \(column) of an entry is malformed" }
    }

    private static func array(_ row: Row, _ column: StaticString) throws -> [CanonicalJSON] {
        guard let elements = try json(row, column).elements else { throw MalformedColumn(column: "\(column)") }
        return elements
    }

    private static func texts(_ row: Row, _ column: StaticString) throws -> [String: String] {
        guard let texts = try json(row, column).texts else { throw MalformedColumn(column: "\(column)") }
        return texts
    }

    private static func json(_ row: Row, _ column: StaticString) throws -> CanonicalJSON {
        do {
            return try CanonicalJSONReader.read(try row.decode(column, as: String.self))
        } catch is CanonicalJSONReader.Malformed {
            throw MalformedColumn(column: "\(column)")
        }
    }

    private static func target(_ value: CanonicalJSON) throws -> AuditRecord.Target {
        guard let type = value.text("type"), let id = value.text("id") else { throw MalformedColumn(column: "targets") }
        return AuditRecord.Target(type: type, id: id)
    }

    private static func change(_ value: CanonicalJSON) throws -> AuditRecord.Change {
        guard let path = value.text("path") else { throw MalformedColumn(column: "changes") }
        return AuditRecord.Change(path: path, before: value.text("before"), after: value.text("after"))
    }
}
