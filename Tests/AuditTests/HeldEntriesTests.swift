import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Audit

@Suite("What a legal hold keeps can be read")
struct HeldEntriesTests {
    private static let holds = "/api/v1/audit/holds"
    private static let reason = "The regulator asked for it."

    /// Entries `old.event` of 500 and of 600 days ago; a plan that nobody knows shows 366 days.
    private static func filled() async throws -> (fixture: AuditFixture, newer: PendingEvent, older: PendingEvent) {
        let fixture = try await AuditFixture.make()
        let now = fixture.house.clock.clock.now
        try await fixture.setPlan(.year, of: fixture.tenant)
        let newer = try fixture.event("old.newer", at: now.addingTimeInterval(-500 * 86_400))
        let older = try fixture.event("old.older", at: now.addingTimeInterval(-600 * 86_400))
        try await fixture.take([newer, older])
        return (fixture, newer, older)
    }

    @Test("entries under a hold are shown and exported although the plan's time is over, also when their month is dropped")
    func shown() async throws {
        let (fixture, newer, _) = try await Self.filled()
        #expect(try await fixture.get("actor=u1").actions.isEmpty)
        let placed = try await fixture.ask(.post, Self.holds, #"{"reason":"\#(Self.reason)"}"#)
        #expect(placed.status == 201, "\(placed.body)")
        func isShown() async throws -> Bool {
            let list = try await fixture.get("actor=u1").actions
            let one = try await fixture.ask(.get, "/api/v1/audit/events/\(newer.header.id)").status
            let file = try await fixture.ask(.get, "/api/v1/audit/export?actor=u1").body
            return list == ["old.newer", "old.older"] && one == 200 && file.contains("old.newer") && file.contains("old.older")
        }
        #expect(try await isShown())
        try await fixture.sweep()
        let classes = try await fixture.house.house.worker.query("select class from trail_events where actor_id = 'u1'")
        #expect(try classes.map { try $0.decode("class", as: String.self) } == ["hold", "hold"])
        #expect(try await isShown())
        // As long as the database keeps them after the release, and no longer.
        #expect(try await fixture.ask(.delete, "\(Self.holds)/\(placed.text("id"))").status == 204)
        #expect(try await isShown())
        let later = fixture.house.clock.clock.now.addingTimeInterval(31 * 86_400)
        #expect(try await RetentionWindow.read(of: fixture.tenant, at: later, in: fixture.house.house.api).holds.isEmpty)
    }

    @Test("a hold shows what it covers and nothing else, and nothing of another company's")
    func bounds() async throws {
        let (fixture, newer, older) = try await Self.filled()
        let (from, to) = (WireJSON.format(older.header.occurredAt), WireJSON.format(newer.header.occurredAt))
        let body = #"{"reason":"\#(Self.reason)","from":"\#(from)","to":"\#(to)"}"#
        #expect(try await fixture.ask(.post, Self.holds, body).status == 201)
        #expect(try await fixture.get("actor=u1").actions == ["old.older"])
        #expect(try await fixture.ask(.get, "/api/v1/audit/events/\(newer.header.id)").status == 404)
        let other = TenantID(UUID())
        let now = fixture.house.clock.clock.now
        #expect(try await RetentionWindow.read(of: other, at: now, in: fixture.house.house.api).holds.isEmpty)
        let own = try await RetentionWindow.read(of: fixture.tenant, at: now, in: fixture.house.house.api)
        #expect(own.plan == .year && own.holds.count == 1)
        #expect(own.holds.first?.from.map(WireJSON.format) == from && own.holds.first?.to.map(WireJSON.format) == to)
    }

    @Test("without a hold nothing stands between the time and the partitions that it leaves out")
    func condition() {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let plain = RetentionWindow(plan: .year, now: now).condition.text
        #expect(plain.hasPrefix("e.id >= $1 and e.id >= case e.class") && !plain.contains(" or "))
        let held = RetentionWindow(plan: .year, now: now, holds: [SearchRange(from: now, to: nil), SearchRange(from: nil, to: nil)])
        #expect(held.condition.text == "((\(plain)) or e.id >= $5 or true)")
    }
}
