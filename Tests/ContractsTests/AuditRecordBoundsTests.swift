import Contracts
import Foundation
import Primitives
import TestSupport
import Testing

@Suite("The bounds of an audit entry")
struct AuditRecordBoundsTests {
    private func header(_ record: AuditRecord?, actor: EventActor = .system("test")) -> EventHeader {
        let now = Date(timeIntervalSince1970: 1_795_464_652.123)
        return EventHeader(
            id: EventID(.v7(at: now)), type: "test.thing.done", version: 1, tenant: nil, workspace: nil, aggregate: nil, actor: actor, trace: nil,
            occurredAt: now, audit: record)
    }

    /// The entry within bounds; an issue when it is not.
    private func bounded(
        _ record: AuditRecord, actor: EventActor = .system("test"), sourceLocation: SourceLocation = #_sourceLocation
    ) -> EventHeader {
        let after = header(record, actor: actor).withinAuditBounds()
        if let audit = after.audit {
            let violation = AuditRecordBounds.violation(of: audit, in: after)
            #expect(violation == nil, sourceLocation: sourceLocation)
        } else {
            Issue.record("the entry is gone", sourceLocation: sourceLocation)
        }
        return after
    }

    private func record(targets: [AuditRecord.Target] = [.init(type: "thing", id: "1")]) -> AuditRecord {
        AuditRecord(action: "thing.do", targets: targets)
    }

    // MARK: - What is cut, and how one sees it

    @Test("an entry that fits, and an event without one, stay as they are")
    func fits() {
        var full = self.record(targets: (0..<10).map { .init(type: "thing", id: "\($0)", name: String(repeating: "é", count: 200)) })
        full.address = "2001:db8::1"
        full.userAgent = String(repeating: "u", count: 512)
        full.changes = (0..<50).map { .init(path: "p\($0)", before: nil, after: "x") }
        full.metadata = ["reason": String(repeating: "r", count: 2_000)]
        let before = header(full, actor: EventActor(kind: .user, id: "1", name: "Ada"))
        #expect(before.withinAuditBounds() == before)
        #expect(AuditRecordBounds.violation(of: full, in: before) == nil)
        #expect(header(nil).withinAuditBounds().audit == nil)
    }

    @Test("no target: whoever acted; too many: nine, and how many there were")
    func targets() {
        let none = bounded(record(targets: []), actor: EventActor(kind: .user, id: "7"))
        #expect(none.audit?.targets == [.init(type: "user", id: "7")])
        let many = bounded(record(targets: (0..<50).map { .init(type: "session", id: "\($0)") }))
        #expect(many.audit?.targets.map(\.id) == (0..<9).map(String.init) && many.audit?.metadata["targets_total"] == "50")
    }

    @Test("too many changes: 49, and how many there were; too large: shorter values, then fewer, and how many are left out")
    func changes() {
        var many = self.record()
        many.changes = (0..<60).map { .init(path: "p\($0)", before: "a", after: "b") }
        let cut = bounded(many)
        #expect(cut.audit?.changes.count == 49 && cut.audit?.metadata == ["changes_total": "60"])
        var large = self.record()
        large.changes = (0..<50).map { .init(path: "p\($0)", before: String(repeating: "a", count: 1_024), after: "b") }
        let shorter = bounded(large)
        #expect(shorter.audit?.changes.count == 50 && shorter.audit?.metadata.isEmpty == true)
        #expect(shorter.audit?.changes[0].before?.hasSuffix("a…") == true)
        var larger = self.record()
        larger.changes = (0..<50).map { _ in
            .init(path: String(repeating: "p", count: 200), before: String(repeating: "é", count: 99), after: String(repeating: "é", count: 99))
        }
        larger.metadata = ["reason": String(repeating: "r", count: 2_000)]
        let fewer = bounded(larger)
        let left = fewer.audit?.metadata["changes_left_out"].flatMap { Int($0) } ?? 0
        #expect(left > 0 && fewer.audit?.changes.count == 50 - left && fewer.audit?.metadata["reason"]?.utf8.count == 2_000)
    }

    @Test("texts are cut between characters, NULs taken out, and what is no address is left out")
    func texts() {
        var record = self.record(targets: [.init(type: "thing", id: "a\0b", name: String(repeating: "👩‍👩‍👧‍👦", count: 300))])
        record.address = "192.0.2.1, 192.0.2.2"
        record.userAgent = String(repeating: "u", count: 600)
        record.request = String(repeating: "é", count: 100)
        let after = bounded(record, actor: EventActor(kind: .user, id: "1", name: String(repeating: "n", count: 201)))
        #expect(after.audit?.targets[0].id == "ab" && after.audit?.address == nil)
        #expect(after.audit?.targets[0].name?.allSatisfy { $0 == "👩‍👩‍👧‍👦" || $0 == "…" } == true)
        #expect(after.audit?.userAgent == String(repeating: "u", count: 511) + "…")
        #expect(after.audit?.request == String(repeating: "é", count: 62) + "…")
        #expect(after.actor.name == String(repeating: "n", count: 199) + "…")
    }

    @Test("of too much metadata the support session stays in any case")
    func metadata() {
        var record = self.record()
        record.metadata = Dictionary(uniqueKeysWithValues: (0..<80).map { ("key\($0)", String(repeating: "v", count: 3_000)) })
        record.metadata["support_session"] = "7"
        let after = bounded(record)
        #expect(after.audit?.metadata["support_session"] == "7" && after.audit?.metadata["metadata_total"] == "81")
    }

    @Test(
        "what is no action becomes the nearest thing that is one, and what it was is kept",
        arguments: [
            ("Thing.Do", "thing.do"), ("do", "event.do"), ("", "event.unknown"), ("a..b", "a.b"), ("1.2", "x1.x2"), ("a.b.c.d.e", "a.b.c.d_e"),
            ("thing.do it", "thing.do_it"),
        ])
    func action(given: String, expected: String) {
        var record = self.record()
        record.action = given
        let after = bounded(record)
        #expect(after.audit?.action == expected && after.audit?.metadata["action_given"] == given)
    }

    // MARK: - Anything

    @Test("whatever a producer writes, what is left of it can be stored, and doing it again changes nothing", arguments: 0..<20 as Range<UInt64>)
    func anything(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<10 {
            let actor = EventActor(
                kind: .init(rawValue: words(200, &random)), id: words(300, &random), name: Bool.random(using: &random) ? words(5_000, &random) : nil)
            let after = bounded(absurd(&random), actor: actor)
            #expect(after.withinAuditBounds() == after)
            #expect(after.id.uuid.v7Instant == after.occurredAt)
        }
    }

    private func absurd(_ random: inout SeededRandom) -> AuditRecord {
        let most = [0, 1, 10, 11, 50, 51, 120]
        func number(_ random: inout SeededRandom) -> Int { Bool.random(using: &random) ? 1 : most.randomElement(using: &random) ?? 0 }
        func maybe(_ length: Int, _ random: inout SeededRandom) -> String? { Bool.random(using: &random) ? words(length, &random) : nil }
        var record = AuditRecord(
            action: Bool.random(using: &random) ? "thing.do" : words(100, &random), outcome: .init(rawValue: words(200, &random)), targets: [])
        for _ in 0..<number(&random) {
            record.targets.append(.init(type: words(50, &random), id: words(200, &random), name: maybe(400, &random)))
        }
        for _ in 0..<number(&random) {
            record.changes.append(.init(path: words(300, &random), before: maybe(2_000, &random), after: maybe(2_000, &random)))
        }
        for _ in 0..<number(&random) { record.metadata[words(60, &random)] = words(3_000, &random) }
        record.address = ["192.0.2.1", "::1", "1.2.3.4, 5.6.7.8", "localhost", "", "192.0.2.1\0"].randomElement(using: &random)
        record.userAgent = maybe(4_000, &random)
        record.request = maybe(200, &random)
        return record
    }

    /// From nothing to `most` characters, some of them of many bytes, some of them NUL.
    private func words(_ most: Int, _ random: inout SeededRandom) -> String {
        let alphabet: [Character] = [
            "a", "b", ".", "_", "7", " ", "é", "…", "👩‍👩‍👧‍👦", "\0", "\r\n", "e\u{301}\u{302}\u{303}", "\u{202E}",
        ]
        let length = Int.random(in: 0...most, using: &random) / (Bool.random(using: &random) ? 1 : 20)
        if Bool.random(using: &random) { return String(repeating: "a", count: length) }
        var text = ""
        for _ in 0..<length { text.append(alphabet.randomElement(using: &random) ?? "a") }
        return text
    }
}
