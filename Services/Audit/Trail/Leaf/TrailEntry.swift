import Contracts
import Foundation

/// Everything that an entry says, before and after it has its number; what may be erased is `details`.
struct TrailEntry: Sendable, Equatable {
    let tenant: TenantID
    let id: EventID
    let occurredAt: Date
    let recordedAt: Date
    let workspace: WorkspaceID?
    let type: String
    let source: String
    let action: String
    let outcome: String
    let actorKind: String
    let actorID: String
    /// Without their names.
    let targets: [AuditRecord.Target]
    let request: String?
    let trace: String?
    /// The support session in whose name somebody of the platform's staff did it.
    let supportSession: String?
    var details: TrailDetails

    /// What filters find it by: `type:id` and `id` of every target.
    var targetKeys: Set<String> { Set(targets.flatMap { ["\($0.type):\($0.id)", $0.id] }) }

    /// What a search finds besides the details.
    var words: String {
        let parts = action.split(separator: ".").map(String.init) + [type, actorID] + targets.flatMap { [$0.type, $0.id] }
        return ([action] + parts).joined(separator: " ")
    }
}

extension TrailEntry {
    /// What a service told: `header` and `record` have passed ``TrailRules``.
    init(_ header: EventHeader, _ record: AuditRecord, source: String, recordedAt: Date) {
        tenant = header.tenant ?? Trail.platform
        id = header.id
        occurredAt = header.occurredAt
        self.recordedAt = recordedAt
        workspace = header.workspace
        type = header.type
        self.source = source
        action = record.action
        outcome = record.outcome.rawValue
        actorKind = header.actor.kind.rawValue
        actorID = header.actor.id
        targets = record.targets.map { .init(type: $0.type, id: $0.id) }
        request = record.request
        trace = TrailRules.trace(of: header)
        supportSession = header.actor.kind == .support ? record.metadata["support_session"] : nil
        details = TrailDetails(
            actorName: header.actor.name, targetNames: record.targets.map(\.name), address: record.address, userAgent: record.userAgent,
            changes: record.changes, metadata: record.metadata)
    }
}

/// The part of an entry that can be erased.
struct TrailDetails: Sendable, Equatable {
    var actorName: String?
    /// As long as the entry's targets.
    var targetNames: [String?]
    var address: String?
    var userAgent: String?
    var changes: [AuditRecord.Change]
    var metadata: [String: String]

    /// Each field that there is, with the value that its digest is of. No changes and no metadata are no fields.
    var fields: [(name: String, value: CanonicalJSON)] {
        var fields: [(name: String, value: CanonicalJSON)] = []
        if let actorName { fields.append(("actor.name", .string(actorName))) }
        for (index, name) in targetNames.enumerated() {
            if let name { fields.append(("target.\(index).name", .string(name))) }
        }
        if let address { fields.append(("ip", .string(address))) }
        if let userAgent { fields.append(("user_agent", .string(userAgent))) }
        if let changes = canonicalChanges { fields.append(("changes", changes)) }
        if let metadata = canonicalMetadata { fields.append(("metadata", metadata)) }
        return fields
    }

    var canonicalNames: CanonicalJSON { .array(targetNames.map { name -> CanonicalJSON in name.map { .string($0) } ?? .null }) }

    var canonicalChanges: CanonicalJSON? { changes.isEmpty ? nil : .array(changes.map(\.canonical)) }

    var canonicalMetadata: CanonicalJSON? { metadata.isEmpty ? nil : CanonicalJSON(metadata) }
}

extension AuditRecord.Change {
    /// What is not there is left out.
    var canonical: CanonicalJSON {
        var members: [CanonicalJSON.Member] = [.init("path", .string(path))]
        if let before { members.append(.init("before", .string(before))) }
        if let after { members.append(.init("after", .string(after))) }
        return .object(members)
    }
}
