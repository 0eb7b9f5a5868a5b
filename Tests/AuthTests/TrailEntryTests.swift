import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Auth

@Suite("What Auth tells the trail")
struct TrailEntryTests {
    private func user(_ fixture: AuthFixture) async throws -> UserID {
        try await fixture.house.house.worker.query("select id from users.users where email = 'ada@example.com'")[0].decode("id")
    }

    @Test("a forgotten password is about its account, in the trail where the account's other entries are")
    func forgottenPassword() async throws {
        let fixture = try await AuthFixture.make()
        let ada = try await fixture.signedIn()
        // So that its mail is the newest.
        fixture.house.clock.advance(by: .milliseconds(1))
        #expect(try await ada.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#).status == .accepted)
        let token = try await fixture.linkToken(for: "ada@example.com")
        _ = try await ada.post("/api/v1/auth/password/reset", #"{"token":"\#(token)","password":"another horse battery"}"#)
        let forgotten = try #require(try await fixture.headers(of: "auth.password.forgotten").last)
        let target = AuditRecord.Target(type: "user", id: try await user(fixture).description)
        #expect(forgotten.audit?.targets == [target] && forgotten.tenant != nil)
        #expect(try await fixture.headers(of: "auth.password.changed").last?.tenant == forgotten.tenant)
    }

    @Test("ending more sessions than an entry may name is one act, with their number")
    func manySessions() async throws {
        let fixture = try await AuthFixture.make()
        let ada = try await fixture.signedIn()
        try await fixture.house.house.worker.query(
            """
            insert into sessions (id, user_id, tenant_id, token_digest, created_at, last_seen_at, expires_at, authenticated_at, assurance)
            select gen_random_uuid(), s.user_id, s.tenant_id, convert_to('t' || n, 'UTF8'), s.created_at, s.last_seen_at, s.expires_at,
                s.authenticated_at, s.assurance
            from sessions s cross join generate_series(1, 24) as n
            """)
        let revoked = try await ada.post("/api/v1/auth/sessions/revoke", #"{"scope":"others"}"#)
        #expect(revoked.member("revoked") == "24")
        let header = try #require(try await fixture.headers(of: "auth.sessions.revoked").last)
        let record = try #require(header.audit)
        #expect(record.targets == [.init(type: "user", id: try await user(fixture).description)] && record.metadata["sessions"] == "24")
        #expect(AuditRecordBounds.violation(of: record, in: header) == nil)
    }

    @Test("a failed sign-in names the account or a domain, never an address, and its digest cannot be guessed without a key")
    func failedSignIn() async throws {
        let fixture = try await AuthFixture.make()
        _ = try await fixture.signedIn()
        for address in ["ada@example.com", "nobody@else.example", "no address"] {
            let body = Browser.signInBody(address, password: "wrong horse battery")
            #expect(try await fixture.browser().post("/api/v1/auth/sign-in", body).status == .unauthorized)
            fixture.house.clock.advance(by: .milliseconds(1))
        }
        let headers = try await fixture.headers(of: "auth.signIn.failed")
        let account = try await user(fixture).description
        #expect(
            headers.compactMap(\.audit?.targets.first) == [
                .init(type: "user", id: account), .init(type: "domain", id: "else.example"), .init(type: "domain", id: "none"),
            ])
        #expect(headers.allSatisfy { $0.tenant == nil })
        let bodies = try await fixture.house.house.worker.query("select body from outbox where type = 'auth.signIn.failed'")
        for row in bodies { #expect(try !row.decode("body", as: String.self).contains("@")) }
        let address = try #require(EmailAddress("ada@example.com"))
        let digest = try FailedSignIn(keyring: fixture.house.house.keyring).digest(of: address)
        let other = try await AuthFixture.make()
        #expect(try FailedSignIn(keyring: fixture.house.house.keyring).digest(of: address) == digest)
        #expect(try FailedSignIn(keyring: other.house.house.keyring).digest(of: address) != digest)
    }
}
