import Foundation
import Testing

@testable import Auth

@Suite("Workspaces")
struct WorkspaceTests {
    @Test(
        "the slug is what a name looks like in an address",
        arguments: [
            ("Acme Inc.", "acme-inc"), ("  Größe & Übergrößen ", "grosse-ubergrossen"), ("日本", "workspace"), ("a--b", "a-b"),
            (String(repeating: "x", count: 90), String(repeating: "x", count: 48)),
        ])
    func slugs(name: String, expected: String) {
        #expect(slug(of: name) == expected)
    }

    @Test("names that collide get numbers, also when made at the same time; an Idempotency-Key makes one")
    func creation() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let tenant: UUID = try await fixture.house.house.worker.query("select id from public.tenants")[0].decode("id")
        let identity = try await fixture.house.identityHeader(tenant: .init(tenant))
        let answers = try await withThrowingTaskGroup(of: Browser.Answer.self) { group in
            for _ in 0..<5 {
                group.addTask { try await browser.post("/api/v1/workspaces", #"{"name":"Acme","postal_address":"1 Ice Road"}"#, identity) }
            }
            return try await group.reduce(into: [Browser.Answer]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == .created }, "\(answers.map(\.body))")
        #expect(Set(answers.compactMap { $0.member("slug") }) == ["acme", "acme-2", "acme-3", "acme-4", "acme-5"])
        var keyed = identity
        keyed[.init("Idempotency-Key")!] = "one"
        let first = try await browser.post("/api/v1/workspaces", #"{"name":"Beta"}"#, keyed)
        let second = try await browser.post("/api/v1/workspaces", #"{"name":"Beta"}"#, keyed)
        #expect(first.status == .created)
        #expect(first.body == second.body)
        let other = try await browser.post("/api/v1/workspaces", #"{"name":"Gamma"}"#, keyed)
        #expect(other.status == .unprocessableContent)
    }

    @Test("a tenant does not see another's workspaces, and a viewer makes none")
    func isolation() async throws {
        let fixture = try await AuthFixture.make()
        let browser = fixture.browser()
        _ = try await browser.post("/api/v1/auth/sign-up", Browser.signUpBody("ada@example.com"))
        let tenant: UUID = try await fixture.house.house.worker.query("select id from public.tenants")[0].decode("id")
        let owner = try await fixture.house.identityHeader(tenant: .init(tenant))
        #expect(try await browser.post("/api/v1/workspaces", #"{"name":"Acme"}"#, owner).status == .created)
        let stranger = try await fixture.house.identityHeader(tenant: .init(UUID()))
        #expect(try await browser.get("/api/v1/workspaces", stranger).body.contains("\"data\":[]"))
        let viewer = try await fixture.house.identityHeader(tenant: .init(tenant), role: .viewer)
        #expect(try await browser.post("/api/v1/workspaces", #"{"name":"No"}"#, viewer).status == .forbidden)
        #expect(try await browser.get("/api/v1/workspaces").status == .unauthorized)
    }

    @Test("a slug comes from the name, gets a number where it is taken, and stays when the name changes")
    func changed() async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        let first = try await browser.api(.post, "/api/v1/workspaces", #"{"name":"Straße & Söhne"}"#)
        let second = try await browser.api(.post, "/api/v1/workspaces", #"{"name":"strasse sohne"}"#)
        #expect(first.member("slug") == "strasse-sohne" && second.member("slug") == "strasse-sohne-2")
        let path = "/api/v1/workspaces/\(try #require(first.member("id")))"
        let changed = try await browser.api(.patch, path, #"{"name":"North","postal_address":"1 Ice Street, 12345 Pole"}"#)
        #expect(changed.member("name") == "North" && changed.member("slug") == "strasse-sohne", "\(changed.body)")
        #expect(try await browser.api(.get, path).member("postal_address") == "1 Ice Street, 12345 Pole")
        // What is not named stays, and nothing is told where nothing changed.
        #expect(try await browser.api(.patch, path, "{}").member("name") == "North")
        #expect(try await fixture.events("auth.workspace.changed") == 1)
    }

    @Test(
        "what cannot be a name or an address is refused, and nobody else's workspace is found",
        arguments: [#"{"name":" "}"#, #"{"postal_address":"x"}"#, #"{"name":"a\u0000b"}"#, #"{"name":7}"#])
    func refused(body: String) async throws {
        let fixture = try await AuthFixture.make()
        let browser = try await fixture.signedIn()
        let made = try await browser.api(.post, "/api/v1/workspaces", #"{"name":"Sales"}"#)
        let path = "/api/v1/workspaces/\(try #require(made.member("id")))"
        #expect(try await browser.api(.patch, path, body).status == .badRequest)
        let stranger = try await fixture.signedIn("eve@example.com")
        #expect(try await stranger.api(.patch, path, #"{"name":"Mine"}"#).status == .notFound)
        #expect(try await stranger.api(.get, path).status == .notFound)
    }
}
