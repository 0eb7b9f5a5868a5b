import Foundation
import Testing

@testable import Auth

@Suite("Passwords")
struct PasswordTests {
    @Test("a hash verifies its own password and no other, in the PHC form")
    func roundTrip() async throws {
        let hasher = PasswordHasher(threads: 1, waiting: 4)
        let password = try Password(new: "correct horse battery")
        let text = try await hasher.hash(password)
        #expect(text.hasPrefix("$scrypt$ln=15,r=8,p=3$"))
        #expect(try await hasher.verify(password, against: text))
        #expect(try await !hasher.verify(Password(new: "correct horse batterx"), against: text))
        #expect(try await hasher.hash(password) != text)
    }

    @Test("typed in another Unicode form it is the same password")
    func normalisation() throws {
        #expect(try Password(new: "cafe\u{301} au lait").bytes == Password(new: "caf\u{e9} au lait").bytes)
    }

    @Test("no account, no hash: never a match")
    func missingHash() async throws {
        #expect(try await !PasswordHasher(threads: 1, waiting: 1).verify(Password(new: "correct horse battery"), against: nil))
    }

    @Test("more callers than may wait are refused, not queued")
    func busy() async throws {
        let hasher = PasswordHasher(threads: 1, waiting: 1)
        let password = try Password(new: "correct horse battery")
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (try? await hasher.hash(password)) != nil } }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(outcomes.contains(true))
        #expect(outcomes.contains(false))
    }

    @Test(
        "hashes of another form or with absurd costs are not read",
        arguments: [
            "", "$2a$08$abc", "$scrypt$ln=30,r=8,p=3$AAAA$AAAA", "$scrypt$ln=15,r=8$AAAA$AAAA", "$scrypt$ln=15,r=8,p=3$AAAA$AAAA",
        ])
    func malformed(text: String) {
        #expect(PasswordHash(text: text) == nil)
    }
}

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
}
