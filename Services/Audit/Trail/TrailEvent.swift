import Contracts
import Foundation
import Primitives

/// An entry of the trail as it is stored and shown.
struct TrailEvent: Encodable, Sendable {
    let id: EventID
    let workspace: WorkspaceID?
    let occurredAt: Date
    let recordedAt: Date
    let type: String
    let source: String
    let action: String
    let outcome: AuditRecord.Outcome
    let actor: EventActor
    let targets: [AuditRecord.Target]
    let address: String?
    let userAgent: String?
    let request: String?
    let changes: [AuditRecord.Change]
    let metadata: [String: String]
}

/// The bounds of an entry: what exceeds them is put into quarantine, not cut.
enum TrailRules {
    /// `noun.verb`: two to four parts of lower-case letters, digits and underscores, each beginning with a letter.
    static func isAction(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return text.utf8.count <= 64 && (2...4).contains(parts.count)
            && parts.allSatisfy { part in
                guard let first = part.first, (0x61...0x7A).contains(first) else { return false }
                return part.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
            }
    }

    /// Why an entry cannot be stored; nil when it can.
    static func violation(of record: AuditRecord, in header: EventHeader) -> String? {
        guard isAction(record.action) else { return "the action is not noun.verb" }
        guard (1...128).contains(header.actor.id.utf8.count), (header.actor.name ?? "").count <= 200 else { return "the actor is too long" }
        guard (1...10).contains(record.targets.count), record.targets.allSatisfy(isShort) else {
            return "there must be 1 to 10 targets with short names"
        }
        guard record.changes.count <= 50, record.changes.allSatisfy(isShort) else { return "there are too many or too long changes" }
        guard record.metadata.count <= 50, record.metadata.allSatisfy({ $0.key.utf8.count <= 40 && $0.value.utf8.count <= 2_000 }) else {
            return "there is too much metadata"
        }
        guard (record.userAgent ?? "").count <= 512, (record.request ?? "").utf8.count <= 128, (record.address ?? "").utf8.count <= 64 else {
            return "address, user agent or request is too long"
        }
        guard [header.type, record.outcome.rawValue, header.actor.kind.rawValue].allSatisfy({ (1...128).contains($0.utf8.count) }) else {
            return "type, outcome or actor kind is empty or too long"
        }
        guard header.id.uuid.v7Instant == header.occurredAt else { return "the id's time is not the event's" }
        return nil
    }

    /// The caller's browser may write anything here, so a bad one is left out: it must not keep an entry out of the trail.
    static func trace(of header: EventHeader) -> String? {
        header.trace.flatMap { $0.utf8.count <= 128 ? $0 : nil }
    }

    private static func isShort(_ target: AuditRecord.Target) -> Bool {
        (1...32).contains(target.type.utf8.count) && (1...128).contains(target.id.utf8.count) && (target.name ?? "").count <= 200
    }

    private static func isShort(_ change: AuditRecord.Change) -> Bool {
        (1...200).contains(change.path.utf8.count) && (change.before ?? "").utf8.count <= 1_024 && (change.after ?? "").utf8.count <= 1_024
    }
}
