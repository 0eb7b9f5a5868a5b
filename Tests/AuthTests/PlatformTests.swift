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

@Suite("The operator's people")
struct PlatformTests {
    /// A fixture with a company of Ada's, and the header of one of the operator's people.
    private struct Ground {
        let fixture: AuthFixture
        let ada: Browser
        let user: String
        let tenant: String

        func staff(_ role: StaffRole = .superAdmin) async throws -> HTTPFields {
            // Not of version 7: another millisecond would begin the order of this one's identifiers anew.
            try await fixture.house.identityHeader(tenant: TenantID(UUID()), user: UserID(UUID()), role: .member, staff: role)
        }

        func send(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, as role: StaffRole = .superAdmin) async throws
            -> Browser.Answer
        {
            var headers = try await staff(role)
            headers[.contentType] = "application/json"
            headers[.cookie] = ""
            return try await fixture.browser().send(path, method, body, headers)
        }
    }

    private func ground() async throws -> Ground {
        let fixture = try await AuthFixture.make()
        let ada = try await fixture.signedIn()
        let rows = try await fixture.house.house.worker.query("select m.user_id::text as u, m.tenant_id::text as t from users.tenant_users m")
        return Ground(fixture: fixture, ada: ada, user: try rows[0].decode("u"), tenant: try rows[0].decode("t"))
    }

    private static let reason = #"{"reason":"it sends phishing mail"}"#

    @Test("people and companies are found by how they begin; wildcards are letters; nobody else may look")
    func search() async throws {
        let ground = try await ground()
        #expect(try await ground.send(.get, "/api/v1/platform/admin/users?q=ADA@", as: .support).body.contains("ada@example.com"))
        #expect(try await !ground.send(.get, "/api/v1/platform/admin/users?q=%25").body.contains("ada@example.com"))
        #expect(try await ground.send(.get, "/api/v1/platform/admin/users/\(ground.user)").body.contains("ada@example.com"))
        let tenants = try await ground.send(.get, "/api/v1/platform/admin/tenants?q=penguins", as: .finance)
        #expect(tenants.body.contains(ground.tenant) && tenants.body.contains(#""members":1"#))
        #expect(try await ground.send(.get, "/api/v1/platform/admin/users?q=ada", as: .finance).status == .forbidden)
        #expect(try await ground.ada.api(.get, "/api/v1/platform/admin/users?q=ada").status == .forbidden)
    }

    @Test("support and ops see the people of a company; of one that is not there nothing is told, neither people nor features")
    func members() async throws {
        let ground = try await ground()
        let path = "/api/v1/platform/admin/tenants/\(ground.tenant)/members"
        let people = try await ground.send(.get, path, as: .support)
        #expect(people.status == .ok && people.body.contains("ada@example.com") && people.body.contains(#""role":"owner""#), "\(people.body)")
        #expect(try await ground.send(.get, "\(path)?limit=1", as: .ops).body.contains(#""next":null"#))
        #expect(try await ground.send(.get, path, as: .finance).status == .forbidden)
        #expect(try await ground.ada.api(.get, path).status == .forbidden)
        for part in ["members", "features"] {
            let unknown = try await ground.send(.get, "/api/v1/platform/admin/tenants/\(UUID().text)/\(part)", as: .support)
            #expect(unknown.status == .notFound, "\(part): \(unknown.body)")
        }
        #expect(try await ground.send(.get, "/api/v1/platform/admin/tenants/\(ground.tenant)/features").body.contains(#""features":{}"#))
    }

    @Test("a suspended person's sessions end and the right password says so; resumed, everything is as it was")
    func suspendedPerson() async throws {
        let ground = try await ground()
        let path = "/api/v1/platform/admin/users/\(ground.user)"
        #expect(try await ground.send(.post, "\(path)/suspend", Self.reason, as: .support).status == .forbidden)
        #expect(try await ground.send(.post, "\(path)/suspend", #"{"reason":"because"}"#).status == .badRequest)
        for _ in 0..<2 { #expect(try await ground.send(.post, "\(path)/suspend", Self.reason).status == .noContent) }
        #expect(try await ground.ada.get("/api/v1/auth/session").status == .unauthorized)
        let barred = try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com"))
        #expect(barred.status == .forbidden && barred.body.contains("no_access"))
        let wrong = try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com", password: "wrong horse battery"))
        #expect(wrong.status == .unauthorized)
        #expect(try await ground.send(.post, "\(path)/resume").status == .noContent)
        #expect(try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .ok)
        #expect(try await ground.fixture.events("auth.user.administered") == 3)
    }

    @Test("a suspended company lets nobody in, its keys open nothing, and the event carries a rising version")
    func suspendedCompany() async throws {
        let ground = try await ground()
        let path = "/api/v1/platform/admin/tenants/\(ground.tenant)"
        #expect(try await ground.send(.post, "\(path)/suspend", Self.reason).status == .noContent)
        #expect(try await ground.send(.post, "\(path)/suspend", Self.reason).status == .noContent)
        #expect(try await ground.ada.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).body.contains("no_access"))
        #expect(try await ground.send(.post, "\(path)/resume").status == .noContent)
        #expect(try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .ok)
        let rows = try await ground.fixture.house.house.worker.query(
            "select body from outbox where type = 'auth.tenant.suspensionChanged' order by id")
        let bodies = try rows.map { try $0.decode("body", as: String.self) }
        #expect(bodies.count == 2 && bodies[0].contains(#""version":1"#) && bodies[1].contains(#""version":2"#))
        #expect(bodies[0].contains("it sends phishing mail") && bodies[0].contains(#""kind":"support""#))
    }

    @Test("a forced reset takes the password away and mails its owner a chance; ended sessions are ended")
    func forcedReset() async throws {
        let ground = try await ground()
        let path = "/api/v1/platform/admin/users/\(ground.user)"
        #expect(try await ground.send(.post, "\(path)/revoke-sessions", Self.reason, as: .support).status == .noContent)
        #expect(try await ground.ada.get("/api/v1/auth/session").status == .unauthorized)
        #expect(try await ground.send(.post, "\(path)/force-reset", Self.reason, as: .support).status == .noContent)
        #expect(try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com")).status == .unauthorized)
        let token = try await ground.fixture.linkToken(for: "ada@example.com")
        let reset = try await ground.ada.post("/api/v1/auth/password/reset", #"{"token":"\#(token)","password":"another horse battery"}"#)
        #expect(reset.status == .ok, "\(reset.body)")
        let signedIn = try await ground.ada.post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com", password: "another horse battery"))
        #expect(signedIn.status == .ok)
    }

    @Test("after a reset nothing of before opens the account: no provider, no half-done sign-in, no older link; support cannot do it to staff")
    func nothingSurvivesReset() async throws {
        let ground = try await ground()
        let worker = ground.fixture.house.house.worker
        let path = "/api/v1/platform/admin/users/\(ground.user)"
        let user = try #require(UserID(ground.user))
        func plant() async throws -> String {
            try await worker.query(
                """
                insert into openid_identities (issuer, subject, user_id, created_at) values ('https://accounts.example', 'thief', \(user), now())
                """)
            return try await worker.transaction {
                try await FactorStore.insertChallenge(for: user, at: ground.fixture.house.clock.clock.now, lifetime: 300, in: $0)
            }
        }
        func leftovers(_ challenge: String) async throws -> Bool {
            let identities: Int = try await worker.query("select count(*) as n from openid_identities")[0].decode("n")
            let open = try await worker.transaction {
                try await FactorStore.attempt(challenge, at: ground.fixture.house.clock.clock.now, limit: 5, in: $0)
            }
            return identities > 0 || open != nil
        }
        var challenge = try await plant()
        #expect(try await ground.ada.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#).status == .accepted)
        let stolen = try await ground.fixture.linkToken(for: "ada@example.com")
        // A minute has not passed: a forced reset mails all the same, and the stolen link is worth nothing.
        #expect(try await ground.send(.post, "\(path)/force-reset", Self.reason, as: .support).status == .noContent)
        #expect(try await !leftovers(challenge))
        let late = try await ground.ada.post("/api/v1/auth/password/reset", #"{"token":"\#(stolen)","password":"a thief's own password"}"#)
        #expect(late.status == .unprocessableContent)
        challenge = try await plant()
        let token = try await ground.fixture.linkToken(for: "ada@example.com")
        #expect(token != stolen)
        let reset = try await ground.ada.post("/api/v1/auth/password/reset", #"{"token":"\#(token)","password":"another horse battery"}"#)
        #expect(reset.status == .ok, "\(reset.body)")
        #expect(try await !leftovers(challenge))
        try await worker.query("insert into staff (user_id, role, created_at) values (\(user), 'super_admin', now())")
        for act in ["force-reset", "revoke-sessions"] {
            #expect(try await ground.send(.post, "\(path)/\(act)", Self.reason, as: .support).status == .conflict)
            #expect(try await ground.send(.post, "\(path)/\(act)", Self.reason).status == .noContent)
        }
    }

    @Test("features are switched for a company, which sees its own")
    func features() async throws {
        let ground = try await ground()
        let path = "/api/v1/platform/admin/tenants/\(ground.tenant)/features"
        #expect(try await ground.send(.put, "\(path)/new_inbox", #"{"enabled":true}"#, as: .ops).status == .noContent)
        #expect(try await ground.send(.put, "\(path)/New-Inbox", #"{"enabled":true}"#, as: .ops).status == .badRequest)
        #expect(try await ground.ada.api(.get, "/api/v1/tenants/current/features").body == #"{"features":{"new_inbox":true}}"#)
        #expect(try await ground.send(.put, "\(path)/new_inbox", #"{"enabled":false}"#, as: .support).status == .forbidden)
    }

    @Test("support states a reason and a ticket, reads one company's trail as itself for an hour, and the company sees it")
    func support() async throws {
        let ground = try await ground()
        let fixture = ground.fixture
        let bob = try await fixture.signedIn("bob@example.com")
        try await fixture.house.house.worker.query(
            "insert into staff (user_id, role, created_at) select id, 'support', now() from users.users where email = 'bob@example.com'")
        try await fixture.house.house.worker.query("update sessions set assurance = 2")
        func begin(_ reason: String, minutes: Int = 60) async throws -> Browser.Answer {
            try await bob.api(
                .post, "/api/v1/support-sessions",
                #"{"tenant":"\#(ground.tenant)","reason":"\#(reason)","ticket":"T-1","minutes":\#(minutes)}"#)
        }
        #expect(try await begin("look").status == .badRequest)
        #expect(try await begin("mail does not go out", minutes: 61).status == .badRequest)
        let begun = try await begin("mail does not go out")
        #expect(begun.status == .created, "\(begun.body)")
        let id = try #require(begun.member("id"))
        func ask(_ browser: Browser, _ method: String = "GET", audience: String = "audit") async throws -> Browser.Answer {
            try await browser.get(
                "/gateway/authenticate",
                [
                    .init("X-Audience")!: audience, .init("X-Original-Method")!: method, .init("X-Support-Session")!: id,
                    .init("X-Original-URI")!: "/api/v1/audit/events?q=ip:192.0.2.1",
                ])
        }
        let answer = try await ask(bob)
        let token = try #require(answer.headers[.identityToken])
        let claims = String(decoding: try #require(Data(base64URL: String(token.split(separator: ".")[1]))), as: UTF8.self)
        #expect(
            claims.contains(ground.tenant) && claims.contains(#""role":"viewer""#) && claims.lowercased().contains(id)
                && claims.contains(#""staff":"support""#))
        for audience in ["delivery", "campaigns", "auth", "billing"] {
            #expect(try await ask(bob, audience: audience).headers[.identityToken] == nil, "\(audience)")
        }
        #expect(try await ask(bob, "POST").headers[.identityToken] == nil)
        #expect(try await ask(ground.ada).headers[.identityToken] == nil)
        let seen = try await ground.ada.api(.get, "/api/v1/support-sessions")
        #expect(seen.body.contains("mail does not go out") && seen.body.contains("T-1"))
        #expect(try await bob.api(.get, "/api/v1/support-sessions?scope=mine").body.contains(id))
        #expect(try await bob.api(.delete, "/api/v1/support-sessions/\(id)").status == .noContent)
        #expect(try await ask(bob).headers[.identityToken] == nil)
        let second = try #require(try await begin("mail does still not go out", minutes: 1).member("id"))
        fixture.house.clock.advance(by: .seconds(61))
        let late: HTTPFields = [
            .init("X-Audience")!: "audit", .init("X-Original-Method")!: "GET", .init("X-Support-Session")!: second,
            .init("X-Original-URI")!: "/api/v1/audit/events",
        ]
        #expect(try await bob.get("/gateway/authenticate", late).headers[.identityToken] == nil)
        #expect(try await fixture.events("auth.supportSession.begun") == 2)
    }

    @Test("of sessions and keys, those that still live are named")
    func living() async throws {
        let ground = try await ground()
        let router = ground.fixture.house.router(ground.fixture.service)
        let client = RPCClient.local(router, caller: .delivery)
        let rows = try await ground.fixture.house.house.worker.query("select id from sessions where revoked_at is null")
        let session: SessionID = try rows[0].decode("id")
        let stranger = SessionID(.v7(at: Date()))
        #expect(try await client.call(AuthRPC.LivingSessions(sessions: [session, stranger])).living == [session])
        _ = try await ground.ada.post("/api/v1/auth/sign-out", "{}")
        #expect(try await client.call(AuthRPC.LivingSessions(sessions: [session, stranger])).living.isEmpty)
    }
}
