import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Audit

extension AuditFixture {
    /// Puts an event away as the intake does; `body` is what it could not read.
    fileprivate func quarantine(
        _ event: PendingEvent, body: String? = nil, reason: String = "a mistake", source: ServiceName = .campaigns, age: TimeInterval = 0
    ) async throws {
        try await house.house.worker.query(
            """
            insert into quarantined_events (event_id, source, type, body, reason, quarantined_at)
            values (\(event.header.id), \(source), \(event.header.type), \(Data((body ?? event.body).utf8)), \(reason),
                    \(house.clock.clock.now.addingTimeInterval(-age)))
            """)
    }

    /// An event that cannot be taken in.
    fileprivate func quarantinePoison(tenant: TenantID? = nil, age: TimeInterval = 0) async throws -> PendingEvent {
        let event = try entry("thing.poison", tenant: tenant)
        let body = event.body.replacingOccurrences(of: "\"thing.poison\"", with: "\"Not An Action\"")
        try #require(body != event.body)
        try await quarantine(event, body: body, reason: "the action is not noun.verb", age: age)
        return event
    }

    fileprivate func staff(_ role: StaffRole = .ops) async throws -> HTTPFields {
        try await house.identityHeader(tenant: TenantID(UUID()), staff: role)
    }
}

@Suite("Events that could not be taken in")
struct QuarantineTests {
    private static let path = "/api/v1/platform/admin/audit-events/quarantine"
    private static let own = "/api/v1/audit/quarantine"

    @Test("an event in quarantine is seen without its body, and taken in once what kept it out is mended")
    func redrive() async throws {
        let fixture = try await AuditFixture.make()
        let good = try fixture.entry("thing.do")
        // As after a mistake of ours that is mended since.
        try await fixture.quarantine(good)
        let bad = try await fixture.quarantinePoison()
        let ops = try await fixture.staff()
        let list = try await fixture.send(.get, Self.path, as: ops)
        #expect(list.data.count == 2 && !list.body.contains("Not An Action"))
        #expect(list.data.allSatisfy { $0["tenant"] as? String == fixture.tenant.description })
        let rejected = try await fixture.send(.post, "\(Self.path)/\(bad.header.id)/redrive", as: ops)
        #expect(rejected.status == 422 && rejected.kind == "still_rejected")
        #expect(try await fixture.send(.post, "\(Self.path)/\(good.header.id)/redrive", as: ops).status == 204)
        #expect(try await fixture.send(.post, "\(Self.path)/\(good.header.id)/redrive", as: ops).status == 404)
        #expect(try await fixture.send(.get, Self.path, as: ops).data.count == 1)
        #expect(try await fixture.search("").acts == ["thing.do"])
        let owner = try await fixture.house.identityHeader(tenant: fixture.tenant)
        #expect(try await fixture.send(.get, Self.path, as: owner).status == 403)
        let kept = try await fixture.search("action:quarantined_event.redrive actor.type:staff", tenant: Trail.platform)
        #expect(kept.data.count == 1)
    }

    @Test("a company sees how many of its own events wait and why, page by page, and never what is in them")
    func ownEvents() async throws {
        let fixture = try await AuditFixture.make()
        let other = TenantID(UUID())
        for _ in 0..<3 { _ = try await fixture.quarantinePoison() }
        _ = try await fixture.quarantinePoison(tenant: other)
        let admin = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .admin)
        let first = try await fixture.send(.get, Self.own, query: ["limit": "2"], as: admin)
        #expect(first.status == 200 && first.object["count"] as? Int == 3 && first.data.count == 2, "\(first.body)")
        #expect(!first.body.contains("Not An Action") && first.data[0]["reason"] as? String == "the action is not noun.verb")
        #expect((first.data[0]["bytes"] as? Int ?? 0) > 100 && first.data[0]["source"] as? String == "campaigns")
        let cursor = try #require(first.page["next"] as? String)
        let second = try await fixture.send(.get, Self.own, query: ["limit": "2", "cursor": cursor], as: admin)
        #expect(second.data.count == 1 && second.page["next"] is NSNull)
        let stranger = try await fixture.house.identityHeader(tenant: other)
        #expect(try await fixture.send(.get, Self.own, as: stranger).object["count"] as? Int == 1)
        let member = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .member)
        #expect(try await fixture.send(.get, Self.own, as: member).status == 403)
        let error = await #expect(throws: PostgresError.self) {
            try await fixture.house.house.api.query(as: fixture.tenant, "select body from quarantined_events")
        }
        #expect(error?.code == .insufficientPrivilege)
    }

    @Test(
        "an event finds its company although Postgres takes no NUL and no half of a character; what is no event is nobody's",
        arguments: [(#"a\u0000b"#, true), (#"a\ud800b"#, true), (#"\\u0000"#, true), ("\"", false)])
    func tenants(note: String, isFound: Bool) async throws {
        let fixture = try await AuditFixture.make()
        let event = try fixture.entry("thing.do", metadata: ["note": "NOTE"])
        let body = event.body.replacingOccurrences(of: "NOTE", with: note)
        try #require(body != event.body)
        try await fixture.quarantine(event, body: body, reason: "invalid_input [22P05]: unsupported Unicode escape sequence")
        let owner = try await fixture.house.identityHeader(tenant: fixture.tenant)
        let answer = try await fixture.send(.get, Self.own, as: owner)
        #expect(answer.object["count"] as? Int == (isFound ? 1 : 0), "\(answer.body)")
        if isFound { #expect(answer.data.first?["reason"] as? String == "the database does not take it") }
        #expect(try await fixture.send(.get, Self.path, as: try await fixture.staff()).data.count == 1)
    }

    @Test("many are tried again at once, the oldest first, those that are chosen only; it is one entry")
    func redriveMany() async throws {
        let fixture = try await AuditFixture.make()
        let other = TenantID(UUID())
        let path = "\(Self.path)/redrive"
        try await fixture.quarantine(try fixture.entry("thing.foreign", tenant: other))
        fixture.house.clock.advance(by: .milliseconds(1))
        let first = try fixture.entry("thing.first")
        fixture.house.clock.advance(by: .milliseconds(1))
        _ = try await fixture.quarantinePoison()
        fixture.house.clock.advance(by: .milliseconds(1))
        try await fixture.quarantine(try fixture.entry("thing.second"))
        try await fixture.quarantine(first)
        fixture.house.clock.advance(by: .milliseconds(1))
        try await fixture.quarantine(try fixture.entry("thing.third"), source: .delivery)
        let ops = try await fixture.staff()
        for wrong in [#"{"limit":0}"#, #"{"limit":1001}"#, #"{"source":"nobody"}"#, #"{"type":""}"#] {
            #expect(try await fixture.send(.post, path, as: ops, json: wrong).status == 400, "\(wrong)")
        }
        #expect(try await fixture.send(.post, path, as: try await fixture.staff(.support), json: "{}").status == 403)
        let own = #""tenant":"\#(fixture.tenant)""#
        let one = try await fixture.send(.post, path, as: ops, json: "{\(own),\"limit\":1}")
        #expect(one.object["next"] as? String == first.header.id.description)
        #expect(one.object["taken"] as? Int == 1 && one.object["rejected"] as? Int == 0, "\(one.body)")
        #expect(try await fixture.search("action:thing.*").actions == ["thing.first"])
        let more = try await fixture.send(.post, path, as: ops, json: "{\(own),\"source\":\"campaigns\",\"after\":\"\(first.header.id)\"}")
        #expect(more.object["next"] == nil)
        #expect(more.object["taken"] as? Int == 1 && more.object["rejected"] as? Int == 1)
        #expect(try await fixture.search("source:delivery").actions.isEmpty)
        #expect(try await fixture.send(.post, path, as: ops, json: "{}").object["taken"] as? Int == 2)
        #expect(try await fixture.search("source:delivery").actions == ["thing.third"])
        #expect(try await fixture.search("action:thing.*", tenant: other).actions == ["thing.foreign"])
        let kept = try await fixture.search("action:quarantine.redrive", tenant: Trail.platform)
        #expect(kept.data.count == 3)
        #expect(kept.data.compactMap { ($0["metadata"] as? [String: String])?["found"] } == ["3", "2", "1"])
    }

    @Test("taking one in locks the platform's head before the company's, as everybody does")
    func order() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.entry("thing.do")])
        let waiting = try fixture.entry("thing.waits")
        try await fixture.quarantine(waiting)
        let worker = fixture.house.house.worker
        try await worker.query("insert into trail_heads (tenant_id) values (\(Trail.platform)) on conflict do nothing")
        let superuser = Database(fixture.house.database.configuration(role: "postgres"), connections: 1)
        let ops = try await fixture.staff()
        let redriving = try await worker.transaction { transaction -> Task<Int, any Error> in
            try await transaction.query("select size from trail_heads where tenant_id = \(Trail.platform) for update")
            let redriving = Task { try await fixture.send(.post, "\(Self.path)/\(waiting.header.id)/redrive", as: ops).status }
            try await eventually("it waits for the platform's head") {
                try await !superuser.query(
                    "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
                ).isEmpty
            }
            // Whoever comes next in the order gets what it asks for.
            try await transaction.query("select size from trail_heads where tenant_id = \(fixture.tenant) for update nowait")
            return redriving
        }
        #expect(try await redriving.value == 204)
        #expect(try await fixture.search("action:thing.*").actions.sorted() == ["thing.do", "thing.waits"])
    }
}
