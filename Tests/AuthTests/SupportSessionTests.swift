import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Auth

@Suite("Support's looks into a company")
struct SupportSessionTests {
    /// Ada's company, and Bob of the operator's support, signed in with a second factor.
    private struct Ground {
        let fixture: AuthFixture
        let ada: Browser
        let bob: Browser
        let tenant: String

        func begin(_ more: String = "") async throws -> Browser.Answer {
            try await bob.api(
                .post, "/api/v1/support-sessions",
                #"{"tenant":"\#(tenant)","reason":"mail does not go out","ticket":"T-1","minutes":5\#(more)}"#)
        }

        /// What the gateway would hear.
        func mayRead(_ path: String?, _ session: String, audience: String = "audit") async throws -> Bool {
            var question: HTTPFields = [
                .init("X-Audience")!: audience, .init("X-Original-Method")!: "GET", .init("X-Support-Session")!: session,
            ]
            question[.init("X-Original-URI")!] = path
            return try await bob.get("/gateway/authenticate", question).headers[.identityToken] != nil
        }
    }

    private func ground() async throws -> Ground {
        let fixture = try await AuthFixture.make()
        let ada = try await fixture.signedIn()
        let worker = fixture.house.house.worker
        let tenant: TenantID = try await worker.query("select id from public.tenants")[0].decode("id")
        let bob = try await fixture.signedIn("bob@example.com")
        try await worker.query(
            "insert into staff (user_id, role, created_at) select id, 'support', now() from users.users where email = 'bob@example.com'")
        try await worker.query("update sessions set assurance = 2")
        return Ground(fixture: fixture, ada: ada, bob: bob, tenant: tenant.description)
    }

    @Test(
        "the trail's scope covers the trail, written in any way that means it, and nothing else",
        arguments: [
            ("/api/v1/audit/events?q=a", true), ("/api/v1/audit", true), ("/api/v1/%61udit/tail", true),
            ("/api/v1/platform/admin/audit-events", true), ("/api/v1/platform/admin/users/7/audit-trail", true),
            ("/api/v1/auditor", false), ("/api/v1/platform/admin/status", false), ("/api/v1/platform/admin/users/7", false),
            ("/api/v1/platform/admin/users/7/8/audit-trail", false), ("/api/v1/audit/../status", false), ("/api/v1/audit/%2e%2e/status", false),
            ("/", false), ("", false), ("api/v1/audit", false), ("/x?/api/v1/audit", false), ("/api/v1/audit/%zz", false),
        ] as [(String, Bool)])
    func coverage(target: String, isCovered: Bool) {
        #expect(SupportScope.audit.covers(target, at: .audit) == isCovered)
        #expect(!SupportScope.audit.covers(target, at: .auth))
    }

    @Test("a session says what may be read; what its scope does not name is refused, also at Audit and also when nobody says what it is")
    func scope() async throws {
        let ground = try await ground()
        for wrong in [#"[]"#, #"["everything"]"#, #"["audit","everything"]"#] {
            #expect(try await ground.begin(#","scope":\#(wrong)"#).status == .badRequest)
        }
        let plain = try await ground.begin()
        #expect(plain.status == .created && plain.body.contains(#""scope":["audit"]"#) && plain.body.contains(#""state":"running""#))
        ground.fixture.house.clock.advance(by: .milliseconds(1))
        let named = try await ground.begin(#","scope":["audit","audit"]"#)
        let id = try #require(named.member("id"))
        #expect(named.body.contains(#""scope":["audit"]"#))
        #expect(try await ground.mayRead("/api/v1/audit/events", id))
        #expect(try await ground.mayRead("/api/v1/platform/admin/audit-events?tenant=x", id))
        #expect(try await !ground.mayRead("/api/v1/platform/admin/status/incidents", id))
        #expect(try await !ground.mayRead("/api/v1/audit/events", id, audience: "campaigns"))
        #expect(try await !ground.mayRead(nil, id))
        try await ground.fixture.house.house.worker.query("update support_sessions set scope = '{something_else}'")
        #expect(try await !ground.mayRead("/api/v1/audit/events", id))
        let header = try #require(try await ground.fixture.headers(of: "auth.supportSession.begun").last)
        #expect(header.actor.kind == .support && header.tenant?.description == ground.tenant)
        #expect(header.audit?.metadata["support_session"] == id && header.audit?.metadata["scope"] == "audit")
        #expect(header.audit?.metadata["reason"] == "mail does not go out" && header.audit?.metadata["ticket"] == "T-1")
    }

    @Test("ended by its holder, it says so, and nobody notes an expiry")
    func ended() async throws {
        let ground = try await ground()
        let id = try #require(try await ground.begin().member("id"))
        #expect(try await ground.bob.api(.delete, "/api/v1/support-sessions/\(id)").status == .noContent)
        ground.fixture.house.clock.advance(by: .seconds(301))
        #expect(try await ground.fixture.service.supportEnder.endOverdue() == 0)
        let header = try #require(try await ground.fixture.headers(of: "auth.supportSession.ended").last)
        #expect(header.actor.kind == .support && header.audit?.metadata["support_session"] == id)
        let seen = try await ground.ada.api(.get, "/api/v1/support-sessions")
        #expect(seen.body.contains(#""state":"ended""#) && seen.body.contains(#""ended_because":"holder""#), "\(seen.body)")
    }

    @Test("nobody ended it: its expiry is in the company's trail, once, by one of the replicas")
    func expired() async throws {
        let ground = try await ground()
        let fixture = ground.fixture
        let id = try #require(try await ground.begin().member("id"))
        #expect(try await fixture.service.supportEnder.endOverdue() == 0)
        fixture.house.clock.advance(by: .seconds(300))
        // Refused, and shown as what it is, before anybody has noted it.
        #expect(try await !ground.mayRead("/api/v1/audit/events", id))
        #expect(try await ground.ada.api(.get, "/api/v1/support-sessions").body.contains(#""state":"expired""#))
        let replicas = (0..<2).map { _ in
            var ender = SupportSessionEnder(house: fixture.house.house)
            ender.interval = .milliseconds(10)
            return ender
        }
        try await fixture.house.withBackground(replicas) {
            try await eventually("the expiry is noted") { try await fixture.events("auth.supportSession.expired") > 0 }
        }
        #expect(try await fixture.service.supportEnder.endOverdue() == 0)
        let headers = try await fixture.headers(of: "auth.supportSession.expired")
        #expect(headers.count == 1 && headers[0].tenant?.description == ground.tenant && headers[0].actor == .system("auth"))
        let record = try #require(headers[0].audit)
        #expect(record.action == "support_session.expire" && record.targets == [.init(type: "support_session", id: id)])
        #expect(record.metadata["support_session"] == id && record.metadata["ticket"] == "T-1")
        #expect(try await ground.ada.api(.get, "/api/v1/support-sessions").body.contains(#""ended_because":"expired""#))
        #expect(try await fixture.events("auth.supportSession.ended") == 0)
    }

    @Test("whoever is taken off the staff reads nothing more, and their sessions end with that as the reason")
    func staffRoleRemoved() async throws {
        let ground = try await ground()
        let fixture = ground.fixture
        let id = try #require(try await ground.begin().member("id"))
        // What finance does not have either.
        let owner = Database(fixture.house.database.configuration(role: "postgres"), connections: 1)
        try await owner.query("update auth.staff set role = 'finance'")
        #expect(try await !ground.mayRead("/api/v1/audit/events", id))
        #expect(try await fixture.service.supportEnder.endOverdue() == 1)
        let header = try #require(try await fixture.headers(of: "auth.supportSession.ended").last)
        #expect(header.audit?.action == "support_session.end" && header.audit?.metadata["reason"] == "staff_role_removed")
        #expect(header.audit?.metadata["support_session"] == id && header.actor == .system("auth"))
        let seen = try await ground.ada.api(.get, "/api/v1/support-sessions")
        #expect(seen.body.contains(#""state":"ended""#) && seen.body.contains(#""ended_because":"staff_role_removed""#))
    }

    @Test("of support sessions those that run are named, to whoever asks about them")
    func living() async throws {
        let ground = try await ground()
        let client = RPCClient.local(ground.fixture.house.router(ground.fixture.service), caller: .audit)
        let text = try #require(try await ground.begin().member("id"))
        let id = try #require(UUID(text: text))
        let stranger = UUID()
        #expect(try await client.call(AuthRPC.LivingSessions(sessions: [])).livingSupport == nil)
        #expect(try await client.call(AuthRPC.LivingSessions(sessions: [], supportSessions: [id, stranger])).livingSupport == [id])
        ground.fixture.house.clock.advance(by: .seconds(300))
        #expect(try await client.call(AuthRPC.LivingSessions(sessions: [], supportSessions: [id])).livingSupport == [])
    }
}
