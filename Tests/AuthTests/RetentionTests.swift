import Foundation
import HTTPTypes
import Logging
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Auth

@Suite("What has run out goes")
struct RetentionTests {
    private static let tables = ["email_verifications", "password_resets", "email_changes", "throttles", "sessions", "mails", "invitations"]

    private func counts(_ fixture: AuthFixture) async throws -> [String: Int] {
        let rows = try await fixture.house.house.worker.query(
            """
            select 'email_verifications' as name, count(*) as n from email_verifications union all
            select 'password_resets', count(*) from password_resets union all select 'email_changes', count(*) from email_changes union all
            select 'throttles', count(*) from throttles union all select 'sessions', count(*) from sessions union all
            select 'mails', count(*) from mails union all select 'invitations', count(*) from invitations
            """)
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("name"), try $0.decode("n")) })
    }

    @Test("proofs after a day, devices, mails and invitations after a month; nothing that is still good")
    func retention() async throws {
        let fixture = try await AuthFixture.make()
        let database = fixture.house.house.worker
        let retention = Retention(database: database, clock: fixture.house.clock.clock, logger: Logger(label: "test"))
        let browser = try await fixture.signedIn()
        _ = try await browser.post("/api/v1/auth/password/forgot", #"{"email":"ada@example.com"}"#)
        _ = try await browser.post("/api/v1/auth/email/change", #"{"email":"ada@new.example"}"#)
        _ = try await browser.api(.post, "/api/v1/invitations", #"{"email":"bob@example.com","role":"member"}"#)
        _ = try await fixture.browser().post("/api/v1/auth/sign-in", Browser.signInBody("ada@example.com", password: "wrong horse battery"))
        try await database.query("update mails set sent_at = created_at")
        let before = try await counts(fixture)
        #expect(Self.tables.allSatisfy { before[$0] ?? 0 > 0 }, "\(before)")
        #expect(try await retention.sweep() == 0)
        #expect(try await browser.get("/api/v1/auth/session").status == .ok)
        fixture.house.clock.advance(by: .seconds(2 * 86_400))
        try await retention.sweep()
        let later = try await counts(fixture)
        for table in ["email_verifications", "password_resets", "email_changes", "throttles"] { #expect(later[table] == 0, "\(table)") }
        for table in ["sessions", "mails", "invitations"] { #expect(later[table] == before[table], "\(table)") }
        fixture.house.clock.advance(by: .seconds(90 * 86_400))
        try await retention.sweep()
        #expect(try await counts(fixture).values.allSatisfy { $0 == 0 })
    }
}
