import Contracts
import Foundation
import IMAP
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("How mailboxes are read", .timeLimit(.minutes(3)), .enabled(if: TestMailboxServer.isPossible, "Dovecot needs root"))
struct ReadingAccountTests {
    @Test("settings that do not work are refused, with the part that failed and the server's words; both parts are told at once")
    func tested() async throws {
        let fixture = try await ReadingFixture.make()
        let imap = try await fixture.connect(imap: fixture.imap(password: "wrong"))
        #expect(imap.status == 422 && imap.body.contains("imap_test_failed") && imap.body.contains("AUTHENTICATIONFAILED"), "\(imap.body)")
        #expect(!imap.body.contains("wrong"))
        let smtp = try await fixture.connect(imap: fixture.imap(), smtpPassword: "wrong")
        #expect(smtp.status == 422 && smtp.body.contains("smtp_test_failed") && !smtp.body.contains(#""also""#))
        let both = try await fixture.connect(imap: fixture.imap(host: "127.0.0.1"), smtpPassword: "wrong")
        #expect(both.status == 422 && both.body.contains("smtp_test_failed") && both.body.contains(#""also":{"#) && both.body.contains("certificate"))
        for broken in [#""port":0"#, #""port":70000"#, #""username":"""#, #""host":"a b""#] {
            let key = broken.prefix { $0 != ":" }
            let account = fixture.imap().replacing(try Regex("\(key):(\"[^\"]*\"|[0-9]+)"), with: broken)
            #expect(try await fixture.connect(imap: account).status == 400, "\(account)")
        }
        #expect(try await fixture.database.query("select from mailboxes").isEmpty)
        #expect(try await fixture.database.query("select from mailbox_readers").isEmpty)
    }

    @Test("a mailbox that only sends can be read later; the password is stored sealed; a stranger's mailbox does not exist")
    func put() async throws {
        let fixture = try await ReadingFixture.make()
        let answer = try await fixture.connect(imap: nil)
        #expect(answer.status == 201 && !answer.body.contains(#""imap""#))
        let mailbox = try #require(answer.body.firstMatch(of: /"id":"([0-9a-f-]{36})"/)?.1)
        let path = "/api/v1/mailboxes/\(mailbox)/imap"
        let wrong = try await fixture.send(.put, path, fixture.imap(password: "wrong"))
        #expect(wrong.status == 422 && wrong.body.contains("imap_test_failed"))
        let right = try await fixture.send(.put, path, fixture.imap())
        #expect(right.status == 200 && right.body.contains(#""state":"active""#) && right.body.contains(#""quarantined":0"#), "\(right.body)")
        let sealed: String = try await fixture.database.query("select password_sealed from mailbox_readers")[0].decode("password_sealed")
        #expect(sealed.hasPrefix("v1.") && !sealed.contains("horse"))
        #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(UUID().uuidString.lowercased())/imap", fixture.imap()).status == 404)
        let trail = try await fixture.database.query("select from outbox where body like '%mailbox.connect_imap%'")
        #expect(trail.count == 1)
    }

    @Test("the end of reading forgets the credentials and tells the trail; again changes nothing, and the mailbox goes on sending")
    func forget() async throws {
        let fixture = try await ReadingFixture.make()
        let mailbox = try await fixture.mailbox()
        for _ in 0..<2 { #expect(try await fixture.send(.delete, "/api/v1/mailboxes/\(mailbox)/imap").status == 204) }
        #expect(try await fixture.database.query("select from mailbox_readers").isEmpty)
        let shown = try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)")
        #expect(shown.status == 200 && !shown.body.contains(#""imap""#))
        #expect(try await fixture.database.query("select from outbox where body like '%mailbox.disconnect_imap%'").count == 1)
    }

    @Test("a quarantined mail is taken in by another try, or let go; one that was not kept whole lies in the mailbox")
    func quarantine() async throws {
        let fixture = try await ReadingFixture.make()
        let mailbox = try await fixture.mailbox()
        let (keyring, now) = (fixture.house.house.keyring, fixture.house.clock.clock.now)
        func put(_ text: String, size: Int? = nil) async throws -> String {
            let id = UUID.v7(at: now)
            let sealed = try keyring.seal(Data(text.utf8), for: Quarantine.place(id, of: fixture.tenant))
            try await fixture.database.query(
                """
                insert into mailbox_quarantine (tenant_id, id, mailbox_id, folder, uid_validity, uid, reason, received_at, size, bytes_sealed, created_at)
                values (\(fixture.tenant), \(id), \(mailbox), 'inbox', 1, 2, 'r', \(now), \(size ?? text.utf8.count), \(sealed), \(now))
                """)
            return "/api/v1/mailboxes/\(mailbox)/quarantine/\(id.uuidString.lowercased())"
        }
        let whole = try await put(ReadingFixture.text("again"))
        #expect(try await fixture.send(.post, whole + "/retry").status == 204)
        #expect(try await fixture.send(.post, whole + "/retry").status == 404)
        let part = try await put("From: a", size: Quarantine.kept + 1)
        #expect(try await fixture.send(.post, part + "/retry").status == 409)
        #expect(try await fixture.send(.delete, part).status == 204)
        #expect(try await fixture.send(.delete, part).status == 404)
        #expect(try await fixture.database.query("select from mailbox_quarantine").isEmpty)
        for action in ["quarantine.retry", "quarantine.dismiss"] {
            #expect(try await fixture.database.query("select from outbox where body like \("%\(action)%")").count == 1)
        }
    }

    @Test("a server that does not let us in any more makes the mailbox fail, once told; new settings make it good at once")
    func failing() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        let mailbox = try await fixture.mailbox()
        let bad = try fixture.house.house.keyring.seal(
            Data("changed".utf8), for: ReadingMailbox.place(mailbox, of: fixture.tenant))
        try await fixture.database.query("update mailbox_readers set password_sealed = \(bad)")
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("it fails") { try await fixture.database.query("select from mailbox_readers where state = 'failing'").count == 1 }
            try await fixture.due()
            try await eventually("again") { try await fixture.database.query("select from mailbox_readers where failures >= 2").count == 1 }
            let shown = try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body
            #expect(shown.contains(#""state":"failing""#) && shown.contains("AUTHENTICATIONFAILED"), "\(shown)")
            // Left alone for longer each time: providers lock accounts.
            let next: Date = try await fixture.database.query("select next_at from mailbox_readers")[0].decode("next_at")
            #expect(next.timeIntervalSince(fixture.house.clock.clock.now) > 400)
            #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/imap", fixture.imap()).status == 200)
            try await eventually("it is read") {
                try await fixture.database.query("select from mailbox_readers where state = 'active' and read_at is not null").count == 1
            }
        }
        let told = try await fixture.database.query("select body from outbox where type = 'delivery.mailbox.reading_failed'")
        #expect(told.count == 1)
        #expect(try told.first?.decode("body", as: String.self).contains("mailbox.read") == true)
    }

    @Test("an account with an access token signs in by it, asked for anew at each connection")
    func token() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        let mailbox = try await fixture.insert(user: TestMailboxServer.user, of: fixture.tenant)
        let server = IMAPServer(host: "localhost", port: fixture.server.ports.imaps, security: .tls)
        let now = fixture.house.clock.clock.now
        try await fixture.database.transaction {
            try await ReaderStore.put(server, username: TestMailboxServer.user, .token, of: mailbox, fixture.tenant, at: now, in: $0)
        }
        try fixture.server.deliver(ReadingFixture.text("hello"))
        let feature = try fixture.feature(byToken: { asked, connect in
            #expect(asked.tenant == fixture.tenant && asked.id == mailbox)
            return try await connect(TestMailboxServer.accessToken(for: TestMailboxServer.user))
        })
        try await fixture.reading([feature]) {
            try await eventually("it is read") { try await fixture.taken() == ["hello"] }
        }
    }
}
