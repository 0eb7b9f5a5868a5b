extension EventHeader {
    /// The same event with an entry that Audit can store: what is too much is cut or left out, and metadata says so (`targets_total`,
    /// `changes_total`, `changes_left_out`, `metadata_total`, `action_given`). The act itself is never lost.
    ///
    /// Nothing is changed of an entry that fits, nor of an event without one. The event's type is a constant of the source and stays as it is.
    public func withinAuditBounds() -> EventHeader {
        guard let audit, !AuditRecordBounds.isWithin(audit, in: self) else { return self }
        var bounder = AuditRecordBounder(self, audit)
        return bounder.bounded()
    }
}

/// Cuts one entry until it fits.
private struct AuditRecordBounder {
    private static let unknown = "unknown"
    /// Some names and programs are long in bytes, whatever they are in characters.
    private static let nameBytes = 800
    private static let userAgentBytes = 2_048
    /// What this may add to the metadata, and the bytes that are kept free for it.
    private static let mostNotes = 5
    private static let room = 128

    private var header: EventHeader
    private var record: AuditRecord
    private let metadataTotal: Int
    /// What is said of what was left out.
    private var notes: [String: String] = [:]

    init(_ header: EventHeader, _ record: AuditRecord) {
        self.header = header
        self.record = record
        metadataTotal = record.metadata.count
    }

    mutating func bounded() -> EventHeader {
        header.actor.kind = EventActor.Kind(rawValue: Self.words(header.actor.kind.rawValue, AuditRecordBounds.identifierBytes))
        header.actor.id = Self.words(header.actor.id, AuditRecordBounds.identifierBytes)
        header.actor.name = header.actor.name.map(Self.name)
        cutSource()
        cutTargets()
        cutChanges()
        cutMetadata()
        fit()
        addNotes()
        header.audit = record
        return header
    }

    // MARK: - Each by itself

    private mutating func cutSource() {
        if !AuditRecordBounds.isAction(record.action) {
            notes["action_given"] = Self.text(record.action, 200)
            record.action = Self.action(record.action)
        }
        record.outcome = AuditRecord.Outcome(rawValue: Self.words(record.outcome.rawValue, AuditRecordBounds.identifierBytes))
        // A list of addresses says nothing about which of them it was.
        record.address = record.address.flatMap { !$0.utf8.contains(0) && AuditRecordBounds.isAddress($0) ? $0 : nil }
        record.userAgent = record.userAgent.map { Self.text($0, Self.userAgentBytes, characters: AuditRecordBounds.userAgentCharacters) }
        record.request = record.request.map { Self.text($0, AuditRecordBounds.requestBytes) }
    }

    private mutating func cutTargets() {
        if record.targets.isEmpty {
            record.targets = [AuditRecord.Target(type: header.actor.kind.rawValue, id: header.actor.id)]
        } else if record.targets.count > AuditRecordBounds.targets {
            notes["targets_total"] = String(record.targets.count)
            record.targets = Array(record.targets.prefix(AuditRecordBounds.targets - 1))
        }
        record.targets = record.targets.map { target in
            AuditRecord.Target(
                type: Self.words(target.type, AuditRecordBounds.typeBytes), id: Self.words(target.id, AuditRecordBounds.identifierBytes),
                name: target.name.map(Self.name))
        }
    }

    private mutating func cutChanges() {
        if record.changes.count > AuditRecordBounds.changes {
            notes["changes_total"] = String(record.changes.count)
            record.changes = Array(record.changes.prefix(AuditRecordBounds.changes - 1))
        }
        cutChanges(to: AuditRecordBounds.changeBytes)
    }

    private mutating func cutChanges(to most: Int) {
        record.changes = record.changes.map { change in
            AuditRecord.Change(
                path: Self.words(change.path, AuditRecordBounds.pathBytes), before: change.before.map { Self.text($0, most) },
                after: change.after.map { Self.text($0, most) })
        }
    }

    private mutating func cutMetadata() {
        let pairs = record.metadata.map { (Self.text($0.key, AuditRecordBounds.keyBytes), Self.text($0.value, AuditRecordBounds.valueBytes)) }
        // Two long keys may be one when they are cut.
        record.metadata = Dictionary(pairs.sorted { $0 < $1 }, uniquingKeysWith: { first, _ in first })
        if record.metadata.count > AuditRecordBounds.metadataKeys { keepMetadata(AuditRecordBounds.metadataKeys - Self.mostNotes) }
    }

    /// The first of them; that of the support session is read from here, so it stays in any case.
    private mutating func keepMetadata(_ most: Int) {
        let session = "support_session"
        let keys = record.metadata.keys.sorted { ($0 == session ? 0 : 1, $0) < ($1 == session ? 0 : 1, $1) }
        for key in keys.dropFirst(max(0, most)) { record.metadata[key] = nil }
    }

    // MARK: - All together

    /// Shorter values first, then fewer changes.
    private mutating func fit() {
        for most in [256, 64] where isTooLarge { cutChanges(to: most) }
        for most in [500, 64] where isTooLarge && isTooLargeByItself { shorten(to: most) }
        var left = 0
        while isTooLarge, record.changes.popLast() != nil { left += 1 }
        if left > 0 { notes["changes_left_out"] = String(left) }
    }

    private var isTooLarge: Bool {
        let added = notes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        return AuditRecordBounds.bytes(of: record, in: header) + added > AuditRecordBounds.mostBytes - Self.room
    }

    /// Without its changes it is half of what there is room for.
    private var isTooLargeByItself: Bool {
        var bare = record
        bare.changes = []
        return AuditRecordBounds.bytes(of: bare, in: header) > AuditRecordBounds.mostBytes / 2
    }

    private mutating func shorten(to most: Int) {
        record.metadata = record.metadata.mapValues { Self.text($0, most) }
        for index in record.targets.indices { record.targets[index].name = record.targets[index].name.map { Self.text($0, most) } }
        header.actor.name = header.actor.name.map { Self.text($0, most) }
        record.userAgent = record.userAgent.map { Self.text($0, most) }
    }

    private mutating func addNotes() {
        if record.metadata.count < metadataTotal || record.metadata.count + notes.count > AuditRecordBounds.metadataKeys {
            notes["metadata_total"] = String(metadataTotal)
        }
        keepMetadata(AuditRecordBounds.metadataKeys - notes.count)
        record.metadata.merge(notes) { $1 }
    }

    // MARK: - Texts

    /// Cut at a character's boundary.
    private static func text(_ given: String, _ bytes: Int, characters: Int = .max) -> String {
        let clean = given.utf8.contains(0) ? given.filter { $0 != "\0" } : given
        guard clean.utf8.count > bytes || clean.utf8.count > characters && clean.count > characters else { return clean }
        let mark = "…"
        var kept = ""
        var (size, count) = (mark.utf8.count, 1)
        for character in clean {
            size += character.utf8.count
            count += 1
            guard size <= bytes, count <= characters else { break }
            kept.append(character)
        }
        return kept + mark
    }

    /// As ``text(_:_:characters:)``, where nothing is not enough.
    private static func words(_ given: String, _ bytes: Int) -> String {
        let kept = text(given, bytes)
        return kept.isEmpty ? unknown : kept
    }

    private static func name(_ given: String) -> String {
        text(given, nameBytes, characters: AuditRecordBounds.nameCharacters)
    }

    /// The nearest thing to it that is `noun.verb`.
    private static func action(_ given: String) -> String {
        var letters = ""
        for scalar in given.prefix(200).lowercased().unicodeScalars {
            let isKept = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "."
            letters.unicodeScalars.append(isKept ? scalar : "_")
        }
        var parts = letters.split(separator: ".").map { part in
            part.first.map { ("a"..."z").contains($0) } ?? false ? String(part) : "x\(part)"
        }
        if parts.isEmpty { parts = [unknown] }
        if parts.count == 1 { parts.insert("event", at: 0) }
        let kept = parts.count > 4 ? parts.prefix(3) + [parts.dropFirst(3).joined(separator: "_")] : parts[...]
        let joined = kept.joined(separator: ".")
        return joined.utf8.count <= AuditRecordBounds.actionBytes ? joined : kept.map { String($0.prefix(15)) }.joined(separator: ".")
    }
}
