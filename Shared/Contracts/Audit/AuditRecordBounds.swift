import Foundation

/// What an entry of the audit trail may hold. Audit puts what exceeds it into quarantine; ``EventHeader/withinAuditBounds()`` keeps a producer
/// from writing such a thing.
public enum AuditRecordBounds {
    /// Of all texts of an entry together.
    public static let mostBytes = 16_384

    static let actionBytes = 64
    static let targets = 10
    static let changes = 50
    static let metadataKeys = 50
    static let typeBytes = 32
    static let identifierBytes = 128
    static let nameCharacters = 200
    static let pathBytes = 200
    static let changeBytes = 1_024
    static let keyBytes = 40
    static let valueBytes = 2_000
    static let userAgentCharacters = 512
    static let requestBytes = 128

    /// `noun.verb`: two to four parts of lower-case letters, digits and underscores, each beginning with a letter.
    public static func isAction(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return text.utf8.count <= actionBytes && (2...4).contains(parts.count)
            && parts.allSatisfy { part in
                guard let first = part.first, (0x61...0x7A).contains(first) else { return false }
                return part.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
            }
    }

    /// Whether it is one IPv4 or IPv6 address, and no list of them.
    public static func isAddress(_ text: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return text.utf8.count <= 45 && (inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1)
    }

    /// Why an entry cannot be stored; nil when it can.
    public static func violation(of record: AuditRecord, in header: EventHeader) -> String? {
        if let fault = formFault(of: record, in: header) { return fault }
        guard instant(of: header.id.uuid) == header.occurredAt else { return "the id's time is not the event's" }
        return sizeFault(of: record, in: header)
    }

    /// As ``violation(of:in:)``, without the identifier's time: a producer makes that of the event's own instant.
    static func isWithin(_ record: AuditRecord, in header: EventHeader) -> Bool {
        formFault(of: record, in: header) == nil && sizeFault(of: record, in: header) == nil
    }

    // MARK: - One by one

    private static func formFault(of record: AuditRecord, in header: EventHeader) -> String? {
        guard isAction(record.action) else { return "the action is not noun.verb" }
        guard isIdentifier(header.actor.id), hasAtMost(nameCharacters, header.actor.name) else { return "the actor is too long" }
        guard (1...targets).contains(record.targets.count), record.targets.allSatisfy(isShort) else {
            return "there must be 1 to 10 targets with short names"
        }
        guard record.changes.count <= changes, record.changes.allSatisfy(isShort) else { return "there are too many or too long changes" }
        guard record.metadata.count <= metadataKeys,
            record.metadata.allSatisfy({ $0.key.utf8.count <= keyBytes && $0.value.utf8.count <= valueBytes })
        else { return "there is too much metadata" }
        guard hasAtMost(userAgentCharacters, record.userAgent), (record.request ?? "").utf8.count <= requestBytes else {
            return "user agent or request is too long"
        }
        guard record.address.map(isAddress) ?? true else { return "the address is not one IP address" }
        guard isIdentifier(header.type), isIdentifier(record.outcome.rawValue), isIdentifier(header.actor.kind.rawValue) else {
            return "type, outcome or actor kind is empty or too long"
        }
        return nil
    }

    private static func sizeFault(of record: AuditRecord, in header: EventHeader) -> String? {
        var bytes = 0
        var holdsNUL = false
        visit(record, header) { text in
            bytes += text.utf8.count
            if text.utf8.contains(0) { holdsNUL = true }
        }
        // Postgres can keep it in no text; no other half of a character comes here, since a reader of JSON refuses it.
        guard !holdsNUL else { return "a text holds a NUL" }
        return bytes <= mostBytes ? nil : "the entry is larger than 16 KiB"
    }

    /// Of all texts together.
    static func bytes(of record: AuditRecord, in header: EventHeader) -> Int {
        var bytes = 0
        visit(record, header) { bytes += $0.utf8.count }
        return bytes
    }

    private static func visit(_ record: AuditRecord, _ header: EventHeader, _ body: (String) -> Void) {
        for text in [header.type, header.actor.kind.rawValue, header.actor.id, record.action, record.outcome.rawValue] { body(text) }
        for text in [header.actor.name, record.address, record.userAgent, record.request] { if let text { body(text) } }
        for target in record.targets {
            body(target.type)
            body(target.id)
            if let name = target.name { body(name) }
        }
        for change in record.changes {
            body(change.path)
            if let before = change.before { body(before) }
            if let after = change.after { body(after) }
        }
        for (key, value) in record.metadata {
            body(key)
            body(value)
        }
    }

    private static func isShort(_ target: AuditRecord.Target) -> Bool {
        (1...typeBytes).contains(target.type.utf8.count) && isIdentifier(target.id) && hasAtMost(nameCharacters, target.name)
    }

    private static func isShort(_ change: AuditRecord.Change) -> Bool {
        (1...pathBytes).contains(change.path.utf8.count) && (change.before ?? "").utf8.count <= changeBytes
            && (change.after ?? "").utf8.count <= changeBytes
    }

    private static func isIdentifier(_ text: String) -> Bool { (1...identifierBytes).contains(text.utf8.count) }

    /// Characters are counted only where there are more bytes than that.
    private static func hasAtMost(_ characters: Int, _ text: String?) -> Bool {
        guard let text else { return true }
        return text.utf8.count <= characters || text.count <= characters
    }

    /// The instant of a version 7 identifier, in whole milliseconds; nil for other versions.
    private static func instant(of identifier: UUID) -> Date? {
        let bytes = identifier.uuid
        guard bytes.6 >> 4 == 7 else { return nil }
        let milliseconds = [bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Date(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}
