import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import ServiceRuntime
import TestSupport
import Testing

@testable import Delivery

/// The whole way, through mail servers that ask the OAuth server about every token.
@Suite("Mailboxes with a consent", .timeLimit(.minutes(4)), .enabled(if: TestMailboxServer.isPossible, "Dovecot needs root"))
struct OAuthMailTests {
    private func plan(_ ground: OAuthGround, _ mailbox: MailboxID, _ recipients: [String]) -> DeliveryRPC.EnqueueSends {
        DeliveryRPC.EnqueueSends(
            tenant: ground.tenant,
            sends: recipients.map { recipient in
                DeliveryRPC.PlannedSend(
                    sendKey: "c:\(recipient):1", workspace: ground.workspace, campaign: CampaignID(UUID()), enrolment: EnrolmentID(UUID()),
                    mailbox: mailbox, recipient: recipient, recipientName: nil, subject: "Hi", text: "Leave: {{unsubscribe_url}}", html: nil,
                    priority: 100, dueAt: ground.now, reservation: nil)
            })
    }

    private func enqueue(_ ground: OAuthGround, _ mailbox: MailboxID, _ recipients: [String]) async throws {
        let rpc = RPCClient.local(ground.house.router(ground.service), caller: .campaigns)
        #expect(try await rpc.call(plan(ground, mailbox, recipients)).enqueued == recipients.count)
    }

    private func accepted(_ ground: OAuthGround) async throws -> Int {
        try await ground.database.query("select from sends where state = 'accepted'").count
    }

    @Test("a mailbox is connected by consent, takes a place of the plan, sends and is read by tokens; no token is shown or stored readably")
    func wholeWay() async throws {
        let places = TestPlaces()
        try await OAuthGround.run(mailServers: true, places: places) { ground in
            let answer = try await ground.consent(
                as: .init(), "/api/v1/mailboxes/oauth", ground.wish(limits: #"{"daily":50,"hourly":20,"ramp":"moderate"}"#))
            #expect(answer.status == 200 && answer.body.contains("oauth=connected") && answer.body.contains("grace@sender.example"), "\(answer.body)")
            #expect(answer.body.contains(#"http-equiv="refresh""#) && answer.body.contains("/dashboard/workspaces/w-slug/emails"))
            let mailbox = try #require(answer.body.firstMatch(of: /mailbox=([0-9a-f-]{36})/).flatMap { MailboxID(String($0.1)) })
            #expect(places.confirmed(.mailboxes, of: ground.tenant) == [mailbox.description])
            let shown = try await ground.send(.get, "/api/v1/mailboxes/\(mailbox)").body
            for part in [
                #""kind":"oauth""#, #""provider":"google""#, #""state":"granted""#, #""daily":50"#, #""ramp":"moderate""#, #""imap":{"#,
                "https://mail.google.com/",
            ] {
                #expect(shown.contains(part.replacing("/", with: "\\/")) || shown.contains(part), "\(part) in \(shown)")
            }
            #expect(!shown.contains("ya29.") && !shown.contains("1//") && !shown.contains("sealed"))
            #expect(try await ground.house.tables(holding: try await ground.refreshToken(mailbox)).isEmpty)
            #expect(try await ground.told("delivery.mailbox.connected", holding: "mailbox.connect") == 1)
            #expect(try await ground.consent().body.contains("oauth=mailbox_exists"))
            #expect(places.reserved(.mailboxes, of: ground.tenant).isEmpty)

            try await enqueue(ground, mailbox, ["a@x.example", "b@x.example"])
            try #require(ground.mailboxes).deliver(ReadingFixture.text("hello"))
            try await ground.house.withBackground(ground.service.background) {
                try await eventually("both are out", within: .seconds(40)) { try await accepted(ground) == 2 }
                try await eventually("it is read", within: .seconds(40)) {
                    try await ground.database.query("select from mailbox_readers where read_at is not null and state = 'active'").count == 1
                }
            }
            #expect(try ground.mail?.mails().count == 2)
            #expect(try await ground.database.query("select from mailbox_mails").count == 1)
        }
    }

    @Test("servers that do not take the token that there is get one new one, and the mail goes out")
    func staleToken() async throws {
        try await OAuthGround.run(mailServers: true) { ground in
            let mailbox = try await ground.connect()
            ground.provider.barAccessTokens()
            try await enqueue(ground, mailbox, ["a@x.example", "b@x.example", "c@x.example"])
            try await ground.house.withBackground(ground.service.background) {
                try await eventually("they are out", within: .seconds(40)) { try await accepted(ground) == 3 }
            }
            #expect(ground.provider.refreshRequests == 1)
            #expect(try await ground.state(mailbox) == ["active", "granted"])
        }
    }

    @Test("servers that take no fresh token either pause the mailbox with their words; consent alone makes it go on, with the mail that waited")
    func refusedThenRenewed() async throws {
        try await OAuthGround.run(mailServers: true) { ground in
            let mailbox = try await ground.connect()
            ground.provider.revokeAll()
            try await enqueue(ground, mailbox, ["a@x.example", "b@x.example"])
            try await ground.house.withBackground(ground.service.background) {
                try await eventually("it pauses", within: .seconds(40)) { try await ground.state(mailbox) == ["paused", "lost"] }
                #expect(try await ground.told("delivery.mailbox.stopped") == 1)
                #expect(try await accepted(ground) == 0)
                let renewed = try await ground.consent(as: .init(), "/api/v1/mailboxes/\(mailbox)/oauth")
                #expect(renewed.status == 200 && renewed.body.contains("oauth=renewed"), "\(renewed.body)")
                #expect(try await ground.state(mailbox) == ["active", "granted"])
                try await eventually("the mail goes on", within: .seconds(40)) { try await accepted(ground) == 2 }
            }
            #expect(try await ground.database.query("select from mailboxes").count == 1)
        }
    }

    @Test("while the provider is away mail waits and nothing pauses, however often it is tried")
    func providerAway() async throws {
        try await OAuthGround.run(mailServers: true) { ground in
            let mailbox = try await ground.connect()
            // The dispatcher goes by the database's clock, so the token's end is moved and not the time.
            try await ground.database.query("update mailbox_consents set access_expires_at = refreshed_at")
            ground.provider.set(.status(503))
            try await enqueue(ground, mailbox, ["a@x.example"])
            try await ground.house.withBackground(ground.service.background) {
                try await eventually("it was tried", within: .seconds(40)) {
                    try await ground.database.query("select from jobs where kind = 'email' and attempt > 0 and state = 'queued'").count == 1
                }
                #expect(try await ground.state(mailbox) == ["active", "granted"])
                let failures: Int = try await ground.database.query("select failures from mailboxes")[0].decode("failures")
                #expect(failures == 0)
                ground.provider.set(.honest)
                ground.house.clock.advance(by: .seconds(10))
                try await ground.database.query("update jobs set run_at = now() where kind = 'email' and state = 'queued'")
                try await ground.database.query("update lanes set next_at = now() where lane_id = \(mailbox)")
                try await eventually("it goes out", within: .seconds(40)) { try await accepted(ground) == 1 }
            }
        }
    }

    @Test("servers that do not take the tokens at all keep a mailbox from being made, and say so; so does a plan that is full")
    func notMade() async throws {
        try await OAuthGround.run(mailServers: true, places: TestPlaces(limits: [.mailboxes: 1])) { ground in
            _ = try await ground.connect()
            let full = try await ground.consent(as: .init(subject: "2", email: "user1@sender.example"))
            #expect(full.body.contains("oauth=limit_reached") && full.body.contains("1 of 1"), "\(full.body)")
            ground.provider.goBlind()
            let blind = try await ground.consent(as: .init(subject: "3", email: "user2@sender.example"))
            #expect(blind.status == 422 && blind.body.contains("oauth=smtp_test_failed") && blind.body.contains("535"), "\(blind.body)")
            #expect(blind.body.contains("Reading failed, too"))
            #expect(try await ground.database.query("select from mailboxes").count == 1)
            #expect(ground.places.reserved(.mailboxes, of: ground.tenant).isEmpty)
        }
    }

    @Test("a mailbox with a password signs in by its provider from the consent on, and keeps its place in the folders")
    func converted() async throws {
        try await OAuthGround.run(mailServers: true) { ground in
            let port = try #require(ground.mail).port
            let body = #"""
                {"workspace":"\#(ground.workspace)","address":"grace@sender.example","display_name":"G",
                "smtp":{"host":"127.0.0.1","port":\#(port),"security":"none","username":"sender","password":"secret"}}
                """#
            let made = try await ground.send(.post, "/api/v1/mailboxes", body)
            #expect(made.body.contains(#""kind":"basic""#), "\(made.body)")
            let mailbox = try #require(made.body.firstMatch(of: /"id":"([0-9a-f-]{36})"/).flatMap { MailboxID(String($0.1)) })
            #expect(try await ground.send(.post, "/api/v1/mailboxes/\(mailbox)/oauth").status == 400)
            let answer = try await ground.consent(as: .init(), "/api/v1/mailboxes/\(mailbox)/oauth", #"{"provider":"google"}"#)
            #expect(answer.body.contains("oauth=renewed"), "\(answer.body)")
            let shown = try await ground.send(.get, "/api/v1/mailboxes/\(mailbox)").body
            #expect(shown.contains(#""kind":"oauth""#) && shown.contains(#""imap":{"#))
            let row = try await ground.database.query("select password_sealed, smtp_host, version from mailboxes")[0]
            #expect(try row.decode("password_sealed", as: String.self) == "" && row.decode("version", as: Int.self) == 2)
        }
    }
}
