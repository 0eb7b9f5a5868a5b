import Contracts
import Foundation
import Postgres
import Primitives
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Audit

extension AuditFixture {
    fileprivate func count(_ action: String) async throws -> Int64 {
        try await house.house.worker.query(
            "select count(*) as n from trail_events where tenant_id = \(tenant) and action = \(action)")[0].decode("n")
    }

    fileprivate func size() async throws -> Int64 {
        try await house.house.worker.query("select size from trail_heads where tenant_id = \(tenant)")[0].decode("size")
    }

    /// Writes entries, a few at a time, for as long as there is something to say.
    fileprivate func write(_ word: Word) async throws {
        while let action = word.current {
            house.clock.advance(by: .milliseconds(1))
            try await take(try (0..<20).map { try event(action, target: "m\($0)") })
        }
    }
}

/// What whoever writes says next; nil when they shall end.
private final class Word: Sendable {
    private let word: Mutex<String?>

    init(_ word: String) {
        self.word = Mutex(word)
    }

    var current: String? { word.withLock { $0 } }

    func say(_ next: String?) {
        word.withLock { $0 = next }
    }
}

/// 25,000 entries of one company; 250,000 with PENGUIN_TEST_FULL=1.
@Suite("The whole trail of a busy company as a file", .timeLimit(.minutes(30)))
struct ExportScaleTests {
    private static let total = ProcessInfo.processInfo.environment["PENGUIN_TEST_FULL"] == "1" ? 250_000 : 25_000
    private static let jobs = "/api/v1/audit/exports"

    /// What the verifier says of a file.
    private struct Verdict: Decodable {
        let rows: Int64
        let through: Int64
    }

    @Test("while others write, the file is what there was when it began: not one more, not one less, and it verifies without any database")
    func busy() async throws {
        let fixture = try await AuditFixture.make()
        for start in stride(from: 0, to: Self.total, by: 500) {
            fixture.house.clock.advance(by: .milliseconds(1))
            try await fixture.take(try (start..<start + 500).map { try fixture.event("thing.do_\($0 % 13)", target: "t\($0)") })
        }
        let word = Word("thing.meanwhile")
        let writing = Task { try await fixture.write(word) }
        defer { word.say(nil) }
        try await eventually("somebody else writes") { try await fixture.count("thing.meanwhile") > 0 }

        let before = try await fixture.size()
        let begun = try await fixture.ask(.post, Self.jobs, #"{"format":"ndjson"}"#)
        let after = try await fixture.size()
        word.say("thing.later")
        #expect(begun.status == 202, "\(begun.body)")
        let through: Int64 = try await fixture.house.house.worker.query(
            "select through from trail_exports where tenant_id = \(fixture.tenant)")[0].decode("through")
        #expect(before >= Self.total && (before...after).contains(through))

        let writer = TrailExportWriter(
            api: fixture.house.house.api, database: fixture.house.house.worker, signer: try fixture.trail.signer, clock: fixture.house.clock.clock)
        #expect(try await writer.writeOnce())
        try await eventually("entries come while the file is written") { try await fixture.count("thing.later") > 0 }
        while try await writer.writeOnce() {}
        word.say(nil)
        try await writing.value

        let one = "\(Self.jobs)/\(begun.text("id"))"
        let done = try await fixture.ask(.get, one)
        #expect(done.text("status") == "ready" && done.text("rows") == "\(through)", "\(done.body)")
        let link = try await fixture.ask(.post, "\(one)/link")
        let path = link.text("url").replacing("https://localhost:8443", with: "")
        let file = try await fixture.ask(.get, path, isAnonymous: true).body
        #expect(done.text("bytes") == "\(file.utf8.count)")
        #expect(Data(file.utf8).range(of: Data("thing.later".utf8)) == nil)
        let verified = try await fixture.verify(file: file, format: .ndjson)
        #expect(verified.status == 0, "\(verified.said.prefix(2_000))")
        let verdict = try JSONDecoder().decode(Verdict.self, from: Data(verified.said.utf8))
        #expect(verdict.rows == through && verdict.through == through)
    }
}
