import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Audit

extension AuditFixture {
    /// What the trail's own entries say was read, in the order of their numbers.
    fileprivate func reads(of tenant: TenantID? = nil) async throws -> [String] {
        try await house.house.worker.query(
            """
            select d.metadata ->> 'read' as read from trail_events e join trail_details d on d.tenant_id = e.tenant_id and d.id = e.id
            where e.tenant_id = \(tenant ?? self.tenant) and e.action = 'audit_trail.read' order by e.seq
            """
        ).map { try $0.decode("read", as: String.self) }
    }
}

@Suite("What is kept of a search")
struct ReadLogTextTests {
    @Test(
        "of an address only the domain",
        arguments: [
            ("ada@example.com", "…@example.com"), ("actor:ada@example.com action:a.*", "actor:…@example.com action:a.*"),
            (#""Ada ada@example.com""#, #""Ada …@example.com""#), ("meta.email:a@b,c@d", "meta.email:…@b,…@d"), ("plain words", "plain words"),
            ("", ""),
        ])
    func addresses(search: String, kept: String) {
        #expect(ReadLog.withoutAddresses(search) == kept)
    }
}

@Suite("Reading the trail is kept")
struct ReadLogTests {
    @Test(
        "each way of reading is kept, once an hour for the same search of a session",
        arguments: ["events", "event", "facets", "tail", "proof", "checkpoint", "consistency", "quarantine"])
    func ways(what: String) async throws {
        let fixture = try await AuditFixture.make()
        let event = try fixture.entry("thing.do")
        try await fixture.take([event])
        var identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        if what == "tail" { identity[.lastSeenEvent] = "0" }
        let (path, query): (String, [String: String]) =
            switch what {
            case "event": ("events/\(event.header.id)", [:])
            case "proof": ("events/\(event.header.id)/proof", [:])
            case "consistency": (what, ["from": "1"])
            default: (what, [:])
            }
        for _ in 0..<2 {
            let answer = try await fixture.send(.get, "/api/v1/audit/\(path)", query: query, as: identity)
            #expect(answer.status == 200, "\(answer.body)")
        }
        #expect(try await fixture.reads() == [what])
        // Another session is another reader.
        var other = try await fixture.house.identityHeader(tenant: fixture.tenant)
        if what == "tail" { other[.lastSeenEvent] = "0" }
        #expect(try await fixture.send(.get, "/api/v1/audit/\(path)", query: query, as: other).status == 200)
        #expect(try await fixture.reads() == [what, what])
    }

    @Test("all pages of a search are one read; a page that a session begins with is one as well")
    func pages() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take(try (0..<3).map { try fixture.entry("thing.number_\($0)") })
        let path = "/api/v1/audit/events"
        let query = ["q": "template", "limit": "1"]
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        let cursor = try #require(try await fixture.send(.get, path, query: query, as: identity).page["next"] as? String)
        let further = query.merging(["cursor": cursor]) { $1 }
        #expect(try await fixture.send(.get, path, query: further, as: identity).acts.count == 1)
        #expect(try await fixture.reads() == ["events"])
        let other = try await fixture.house.identityHeader(tenant: fixture.tenant)
        #expect(try await fixture.send(.get, path, query: further, as: other).acts.count == 1)
        #expect(try await fixture.reads() == ["events", "events"])
        #expect(try await fixture.send(.get, path, query: ["q": "template thing*"], as: other).status == 200)
        #expect(try await fixture.reads().count == 3)
    }

    @Test("the list of kept searches is nothing of the trail, but support's looks are all kept")
    func views() async throws {
        let fixture = try await AuditFixture.make()
        let path = "/api/v1/audit/views"
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        #expect(try await fixture.send(.get, path, as: identity).status == 200)
        #expect(try await fixture.reads().isEmpty)
        let support = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .viewer, staff: .support, support: UUID())
        for _ in 0..<2 { #expect(try await fixture.send(.get, path, as: support).status == 200) }
        #expect(try await fixture.reads() == ["views", "views"])
    }

    @Test("what cannot be kept is not shown, and is not taken for kept the next time")
    func failure() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.entry("thing.do")])
        let owner = Database(fixture.house.database.configuration(role: "audit_owner"), connections: 1)
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        try await owner.query("revoke insert on trail_events from audit_worker")
        let refused = try await fixture.send(.get, "/api/v1/audit/events", as: identity)
        #expect(refused.status >= 500 && !refused.body.contains("thing.do"))
        try await owner.query("grant insert on trail_events to audit_worker")
        #expect(try await fixture.send(.get, "/api/v1/audit/events", as: identity).acts == ["thing.do"])
        #expect(try await fixture.reads() == ["events"])
    }

    @Test("within the hour a read is the same, after it another")
    func recent() {
        let recent = RecentReads()
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        #expect(!recent.holds("a", at: now))
        recent.remember("a", at: now)
        #expect(recent.holds("a", at: now.addingTimeInterval(3_599)) && !recent.holds("b", at: now))
        #expect(!recent.holds("a", at: now.addingTimeInterval(3_600)))
    }

    @Test("a key reads the trail in its own name; it changes nothing and follows nothing")
    func keys() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.entry("thing.do")])
        let key = UUID()
        let identity = Identity(
            tenant: fixture.tenant, user: UserID(UUID()), name: "SIEM", role: .viewer, isVerified: true, workspaces: nil, session: SessionID(key),
            apiKey: key)
        let router = Router(context: AppContext.self)
        router.add(middleware: IdentityMiddleware { _ in identity })
        router.add(middleware: ProblemMiddleware())
        fixture.service.routes(on: router)
        let statuses = try await Application(router: router, logger: fixture.house.house.logger).test(.router) { client in
            var statuses: [Int] = []
            for path in ["events", "facets", "checkpoint", "views", "quarantine", "tail"] {
                let headers: HTTPFields = [.identityToken: "any"]
                statuses.append(
                    try await client.execute(uri: "/api/v1/audit/\(path)", method: .get, headers: headers) { $0.status.code })
            }
            let headers: HTTPFields = [.identityToken: "any", .contentType: "application/json"]
            let body = ByteBuffer(string: #"{"name":"Mine","q":""}"#)
            statuses.append(
                try await client.execute(uri: "/api/v1/audit/views", method: .post, headers: headers, body: body) { $0.status.code })
            return statuses
        }
        #expect(statuses == [200, 200, 200, 200, 200, 403, 403])
        let kept = try await fixture.search("action:audit_trail.read actor.type:api_key actor:\(key.text)")
        #expect(kept.data.count == 4)
    }
}
