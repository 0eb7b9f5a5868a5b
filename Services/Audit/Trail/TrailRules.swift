import Contracts
import Foundation
import Primitives

/// The bounds of an entry: what exceeds them is put into quarantine, not cut.
enum TrailRules {
    /// Of all texts of an entry together.
    static let mostBytes = 16_384

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
        guard (record.userAgent ?? "").count <= 512, (record.request ?? "").utf8.count <= 128 else { return "user agent or request is too long" }
        guard record.address.map(isAddress) ?? true else { return "the address is not one IP address" }
        guard [header.type, record.outcome.rawValue, header.actor.kind.rawValue].allSatisfy({ (1...128).contains($0.utf8.count) }) else {
            return "type, outcome or actor kind is empty or too long"
        }
        guard header.id.uuid.v7Instant == header.occurredAt else { return "the id's time is not the event's" }
        let all = texts(of: record, in: header)
        // Postgres can keep it in no text; no other half of a character comes here, since a reader of JSON refuses it.
        guard !all.contains(where: { $0.utf8.contains(0) }) else { return "a text holds a NUL" }
        guard all.reduce(0, { $0 + $1.utf8.count }) <= mostBytes else { return "the entry is larger than 16 KiB" }
        return nil
    }

    /// The caller's browser may write anything here, so a bad one is left out: it must not keep an entry out of the trail.
    static func trace(of header: EventHeader) -> String? {
        header.trace.flatMap { $0.utf8.count <= 128 && !$0.utf8.contains(0) ? $0 : nil }
    }

    /// Whether it is one IPv4 or IPv6 address, and no list of them.
    static func isAddress(_ text: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return text.utf8.count <= 45 && (inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1)
    }

    private static func texts(of record: AuditRecord, in header: EventHeader) -> [String] {
        var texts = [header.type, header.actor.kind.rawValue, header.actor.id, record.action, record.outcome.rawValue]
        texts += [header.actor.name, record.address, record.userAgent, record.request].compactMap { $0 }
        texts += record.targets.flatMap { [$0.type, $0.id, $0.name ?? ""] }
        texts += record.changes.flatMap { [$0.path, $0.before ?? "", $0.after ?? ""] }
        texts += record.metadata.flatMap { [$0.key, $0.value] }
        return texts
    }

    private static func isShort(_ target: AuditRecord.Target) -> Bool {
        (1...32).contains(target.type.utf8.count) && (1...128).contains(target.id.utf8.count) && (target.name ?? "").count <= 200
    }

    private static func isShort(_ change: AuditRecord.Change) -> Bool {
        (1...200).contains(change.path.utf8.count) && (change.before ?? "").utf8.count <= 1_024 && (change.after ?? "").utf8.count <= 1_024
    }
}
