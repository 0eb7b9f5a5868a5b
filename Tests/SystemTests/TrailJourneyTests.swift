import AsyncHTTPClient
import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@Suite("The trail, with real processes", .serialized)
struct TrailJourneyTests {
    private static let password = "a password for this journey"

    /// A company's owner, and one of the operator's support.
    private struct Ground: Sendable {
        let penguin: PenguinCommand
        let client: HTTPClient
        let base: String
        let ada: GatewayBrowser
        let sam: GatewayBrowser
        let tenant: String
        let support: String

        func browser() -> GatewayBrowser { GatewayBrowser(client, at: base) }

        /// Entries of the company that its owner sees.
        func entries(_ query: String = "") async throws -> [[String: Any]] {
            let answer = try await ada.get("/api/v1/audit/events?limit=200\(query)")
            #expect(answer.status == 200, "\(answer.body)")
            return answer.data
        }
    }

    @Test("support reads one company's trail for a stated reason, and its owner sees all of it; a sign-in does not wait for a frozen Audit")
    func journey() async throws {
        try await PenguinCommand.withFolder { penguin in
            let up = try await penguin.run(["up", "--detach", "--no-build"])
            try #require(up.status == 0, "\(up.output)\(up.messages)")
            try await HTTPClient.withHTTPClient(configuration: GatewayBrowser.configuration(of: penguin)) { client in
                let ground = try await Self.ground(penguin, client)
                try await supportAccess(ground)
                try await frozenAudit(ground)
            }
        }
    }

    private func supportAccess(_ ground: Ground) async throws {
        let sam = ground.sam
        let events = "/api/v1/audit/events"
        // Without a reason they see their own company's trail, and nothing of this one.
        #expect(try await !sam.get(events).body.contains(ground.tenant))
        let wish = #"{"tenant":"\#(ground.tenant)","reason":"mail does not go out","ticket":"T-7","minutes":5,"scope":["audit"]}"#
        #expect(try await ground.ada.change(.POST, "/api/v1/support-sessions", wish).status == 403)
        let begun = try await sam.change(.POST, "/api/v1/support-sessions", wish)
        try #require(begun.status == 201, "\(begun.body)")
        let id = begun.text("id")
        let session = ["X-Support-Session": id]
        try await eventually("there is something to read") { try await !ground.entries("&action=session.start").isEmpty }
        let read = try await sam.get("\(events)?action=session.start", session)
        #expect(read.status == 200 && !read.data.isEmpty, "\(read.body)")
        #expect(try await sam.get("/api/v1/audit/facets", session).status == 200)
        // Reading the trail is all that it is for.
        #expect(try await sam.get("/api/v1/campaigns", session).status == 403)
        #expect(try await sam.get("/api/v1/audit/export", session).status == 403)
        // Somebody else's session is no permission.
        #expect(try await ground.ada.get(events, session).status == 403)
        #expect(try await sam.change(.DELETE, "/api/v1/support-sessions/\(id)").status == 204)
        #expect(try await sam.get(events, session).status == 403)

        try await eventually("the end is in the company's trail") {
            try await ground.entries("&action=support_session.end").count == 1
        }
        let told = try await ground.entries().filter { ($0["actor"] as? [String: Any])?["kind"] as? String == "support" }
        let actions = told.compactMap { $0["action"] as? String }
        #expect(actions.sorted() == ["audit_trail.read", "audit_trail.read", "support_session.begin", "support_session.end"])
        #expect(told.allSatisfy { $0["support_session"] as? String == id })
        #expect(told.allSatisfy { ($0["actor"] as? [String: Any])?["id"] as? String == ground.support })
        let metadata = told.compactMap { $0["metadata"] as? [String: String] }
        #expect(metadata.compactMap { $0["read"] }.sorted() == ["events", "facets"])
        let begin = try #require(metadata.first { $0["reason"] != nil })
        #expect(begin["reason"] == "mail does not go out" && begin["ticket"] == "T-7" && begin["scope"] == "audit")
    }

    /// Worse than one that is away: whoever asked it anything would wait.
    private func frozenAudit(_ ground: Ground) async throws {
        let before = try await ground.entries("&action=session.start").count
        try await signInWhileFrozen(ground)
        try await eventually("the sign-in is in the trail", within: .seconds(60)) {
            try await ground.entries("&action=session.start").count == before + 1
        }
    }

    private func signInWhileFrozen(_ ground: Ground) async throws {
        let audit = try ground.penguin.stack().process("audit")
        kill(audit, SIGSTOP)
        defer { kill(audit, SIGCONT) }
        let answer = try await Self.signIn(ground.browser(), "ada@penguin.example")
        #expect(answer.status == 200, "\(answer.body)")
    }

    // MARK: - Before it begins

    private static func ground(_ penguin: PenguinCommand, _ client: HTTPClient) async throws -> Ground {
        let stack = try penguin.stack()
        let secrets = try JSONDecoder().decode([String: String].self, from: Data(contentsOf: penguin.folder.appending(path: "secrets.json")))
        let database = Database(
            PostgresConfiguration(
                host: "127.0.0.1", port: try stack.port("postgres"), database: "penguinmails", role: "postgres",
                password: try #require(secrets["postgres"])), connections: 1)
        let port = try stack.port("gateway")
        let base = "https://localhost:\(port)"
        let (ada, sam) = (GatewayBrowser(client, at: base), GatewayBrowser(client, at: base))
        for (browser, name) in [(ada, "ada"), (sam, "sam")] {
            let signedUp = try await browser.change(
                .POST, "/api/v1/auth/sign-up",
                #"{"email":"\#(name)@penguin.example","password":"\#(password)","name":"\#(name)","company":"Company of \#(name)"}"#)
            #expect(signedUp.status == 202, "\(signedUp.body)")
        }
        try await eventually("both have an account") {
            try await database.query("select id from users.users where email in ('ada@penguin.example', 'sam@penguin.example')").count == 2
        }
        // What the mailed codes prove, and what staff is, other tests show.
        try await database.query("update users.users set email_verified = now()")
        try await database.query(
            "insert into auth.staff (user_id, role, created_at) select id, 'support', now() from users.users where email = 'sam@penguin.example'")
        for (browser, name) in [(ada, "ada"), (sam, "sam")] {
            let signedIn = try await signIn(browser, "\(name)@penguin.example")
            try #require(signedIn.status == 200, "\(signedIn.body)")
        }
        try await database.query("update auth.sessions set assurance = 2 where user_id in (select user_id from auth.staff)")
        let tenant = try await database.query(
            """
            select m.tenant_id::text as tenant from users.tenant_users m join users.users u on u.id = m.user_id
            where u.email = 'ada@penguin.example'
            """)
        let support = try await database.query("select user_id::text as id from auth.staff")
        return Ground(
            penguin: penguin, client: client, base: base, ada: ada, sam: sam, tenant: try tenant[0].decode("tenant"),
            support: try support[0].decode("id"))
    }

    private static func signIn(_ browser: GatewayBrowser, _ address: String) async throws -> GatewayBrowser.Answer {
        try await browser.change(.POST, "/api/v1/auth/sign-in", #"{"email":"\#(address)","password":"\#(password)"}"#)
    }
}
