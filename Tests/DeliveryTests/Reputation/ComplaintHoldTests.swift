import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Holds for complaints")
struct ComplaintHoldTests {
    private func audits(_ fixture: DeliveryFixture, _ action: String) async throws -> Int {
        let pattern = "%\"action\":\"\(action)\"%"
        return try await fixture.database.query("select id from outbox where body like \(pattern)").count
    }

    private func level(_ fixture: DeliveryFixture, _ scope: String = "domain") async throws -> String? {
        try await fixture.database.query("select level from complaint_holds where scope = \(scope)").first?.decode("level")
    }

    @Test("injected complaints trip at the exact count: the first of 2,000 mails nothing, the second a pause, the sixth a stop")
    func exactCounts() async throws {
        let fixture = try await DeliveryFixture.make()
        let (mailbox, other) = (try await fixture.mailbox(), try await fixture.mailbox("two@sender.example"))
        let elsewhere = try await fixture.mailbox("me@elsewhere.example")
        let keys = try await fixture.accepted(6, from: mailbox)
        // 2,000 of the domain and more of the company, so that only the domain comes to its line.
        try await fixture.note(ReputationCounts(accepted: 1_994), of: other, daysAgo: 6)
        try await fixture.note(ReputationCounts(accepted: 50_000), of: elsewhere, domain: "elsewhere.example")
        // Too long ago to count.
        try await fixture.note(ReputationCounts(accepted: 1, complaints: 500), of: other, daysAgo: 7)
        #expect(try await fixture.tell(.complained, [keys[0]]) == 1)
        #expect(try await level(fixture) == nil)
        #expect(try await fixture.state(of: mailbox) == "active")
        #expect(try await fixture.tell(.complained, [keys[0]]) == 0)
        #expect(try await level(fixture) == nil)
        #expect(try await fixture.tell(.complained, [keys[1]]) == 1)
        #expect(try await level(fixture) == "pause")
        for held in [mailbox, other] { #expect(try await fixture.state(of: held) == "paused") }
        #expect(try await fixture.state(of: elsewhere) == "active")
        #expect(try await audits(fixture, "complaints.hold") == 1)
        #expect(try await audits(fixture, "mailbox.pause") == 2)
        let body = try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body
        #expect(body.contains("2 recipients of 2000 accepted mails"), "\(body)")
        // A hold that stands is not told again.
        try await fixture.tell(.complained, Array(keys[2...4]))
        #expect(try await level(fixture) == "pause")
        #expect(try await audits(fixture, "complaints.hold") == 1)
        try await fixture.tell(.complained, [keys[5]])
        #expect(try await level(fixture) == "stop")
        #expect(try await audits(fixture, "complaints.hold") == 2)
        #expect(try await audits(fixture, "mailbox.pause") == 2)
        #expect(try await level(fixture, "tenant") == nil)
    }

    @Test("what is held does not send, cannot be resumed by its mailbox, and goes on when its owner says so for the domain")
    func pauseAndResume() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let keys = try await fixture.accepted(1, from: mailbox)
        try await fixture.note(ReputationCounts(accepted: 50_000), of: MailboxID(UUID()), domain: "elsewhere.example")
        try await fixture.note(ReputationCounts(accepted: 998), of: mailbox, daysAgo: 1)
        try await fixture.tell(.complained, keys)
        // One of 999 proves nothing yet.
        #expect(try await level(fixture) == nil)
        let more = try await fixture.accepted(2, from: mailbox, prefix: "more")
        try await fixture.tell(.complained, [more[0]])
        #expect(try await level(fixture) == "pause")
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["next@x.example"], prefix: "next"))
        #expect(try await fixture.claim().isEmpty)
        let refused = try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/resume", "{}")
        #expect(refused.status == 409 && refused.body.contains("complaint_hold"), "\(refused.body)")
        // Whoever comes to a held domain waits with it, and so do new settings.
        let new = try await fixture.mailbox("new@sender.example")
        #expect(try await fixture.state(of: new) == "paused")
        #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/smtp", fixture.smtp()).status == 200)
        #expect(try await fixture.state(of: mailbox) == "paused")
        // Even one that somebody wakes past all this is passed over.
        try await fixture.database.query("update mailboxes set state = 'active', complaint_held = false where id = \(new)")
        _ = try await fixture.rpc.call(fixture.plan(new, ["sly@x.example"], prefix: "sly"))
        #expect(try await fixture.claim().isEmpty)
        // One that its owner pauses stays paused when the hold ends.
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(new)/pause", #"{"reason":"mine"}"#).status == 200)
        let path = "/api/v1/domains/sender.example/reputation/resume"
        #expect(try await fixture.request(.post, path, role: .member).status == 403)
        #expect(try await fixture.request(.post, path, tenant: TenantID(UUID())).status == 404)
        let resumed = try await fixture.request(.post, path, role: .admin)
        #expect(resumed.status == 200, "\(resumed.body)")
        #expect(try await fixture.state(of: mailbox) == "active")
        #expect(try await fixture.state(of: new) == "paused")
        #expect(try await level(fixture) == nil)
        #expect(try await audits(fixture, "complaints.release") == 1)
        #expect(try await fixture.claim().count == 1)
        #expect(try await fixture.request(.post, path, role: .admin).status == 404)
        // The next complaint of a week that is still too bad holds it again.
        try await fixture.tell(.complained, [more[1]])
        #expect(try await level(fixture) != nil)
    }

    @Test("a stop stands for a day, or until staff ends it with a reason")
    func stop() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let keys = try await fixture.accepted(4, from: mailbox)
        try await fixture.note(ReputationCounts(accepted: 50_000), of: MailboxID(UUID()), domain: "elsewhere.example")
        try await fixture.tell(.complained, Array(keys[0...1]))
        #expect(try await level(fixture) == nil)
        try await fixture.tell(.complained, [keys[2]])
        #expect(try await level(fixture) == "stop")
        let path = "/api/v1/domains/sender.example/reputation/resume"
        let early = try await fixture.request(.post, path)
        #expect(early.status == 409 && early.body.contains("complaint_stop") && early.body.contains("resumable_at"), "\(early.body)")
        fixture.house.clock.advance(by: .seconds(86_000))
        #expect(try await fixture.request(.post, path).status == 409)
        fixture.house.clock.advance(by: .seconds(402))
        #expect(try await fixture.request(.post, path).status == 200)
        #expect(try await fixture.state(of: mailbox) == "active")
        try await fixture.tell(.complained, [keys[3]])
        #expect(try await level(fixture) == "stop")
        let release = "/api/v1/platform/system/reputation/release"
        let body = #"{"tenant":"\#(fixture.tenant)","scope":"domain","domain":"Sender.example","reason":"seen to, ticket 7"}"#
        #expect(try await fixture.request(.post, release, body).status == 403)
        #expect(try await fixture.request(.post, release, body, staff: .support).status == 403)
        #expect(try await fixture.request(.post, release, body, staff: .ops, tenant: TenantID(UUID())).status == 200)
        #expect(try await fixture.state(of: mailbox) == "active")
        #expect(try await fixture.request(.post, release, body, staff: .ops).status == 404)
    }

    @Test("the company is held as a whole; of two holds over a mailbox the last to end lets it go")
    func tenant() async throws {
        let fixture = try await DeliveryFixture.make()
        let (mailbox, other) = (try await fixture.mailbox(), try await fixture.mailbox("me@elsewhere.example"))
        let keys = try await fixture.accepted(3, from: mailbox)
        try await fixture.tell(.complained, keys)
        #expect(try await level(fixture) == "stop")
        #expect(try await level(fixture, "tenant") == "stop")
        for held in [mailbox, other] { #expect(try await fixture.state(of: held) == "paused") }
        fixture.house.clock.advance(by: .seconds(86_402))
        #expect(try await fixture.request(.post, "/api/v1/reputation/resume", role: .admin, workspaces: [fixture.workspace]).status == 403)
        #expect(try await fixture.request(.post, "/api/v1/reputation/resume", role: .admin).status == 200)
        #expect(try await fixture.state(of: mailbox) == "paused")
        #expect(try await fixture.state(of: other) == "active")
        #expect(try await fixture.request(.post, "/api/v1/domains/sender.example/reputation/resume").status == 200)
        #expect(try await fixture.state(of: mailbox) == "active")
    }

    @Test("two complaints at once see each other")
    func concurrent() async throws {
        let fixture = try await DeliveryFixture.make()
        let (one, two) = (try await fixture.mailbox(), try await fixture.mailbox("two@sender.example"))
        let keys = try await fixture.accepted(1, from: one) + fixture.accepted(1, from: two, prefix: "two")
        try await fixture.note(ReputationCounts(accepted: 1_998), of: one, daysAgo: 1)
        try await fixture.note(ReputationCounts(accepted: 50_000), of: MailboxID(UUID()), domain: "elsewhere.example")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for key in keys { group.addTask { try await fixture.tell(.complained, [key]) } }
            try await group.waitForAll()
        }
        #expect(try await level(fixture) == "pause")
        #expect(try await audits(fixture, "complaints.hold") == 1)
    }
}
