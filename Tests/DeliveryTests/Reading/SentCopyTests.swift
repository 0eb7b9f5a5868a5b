import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Copies among the sent mail", .timeLimit(.minutes(3)), .enabled(if: TestMailboxServer.isPossible, "Dovecot needs root"))
struct SentCopyTests {
    private struct Planned {
        let key: String
        let send: SendID
        let messageID: String
        let link: String
    }

    /// A mail of the mailbox in this state of the ledger, as a worker leaves it.
    private func plan(_ key: String, _ state: String, _ fixture: ReadingFixture, _ mailbox: MailboxID) async throws -> Planned {
        let rpc = RPCClient.local(fixture.house.router(fixture.service), caller: .campaigns)
        let now = fixture.house.clock.clock.now
        let request = DeliveryRPC.EnqueueSends(
            tenant: fixture.tenant,
            sends: [
                DeliveryRPC.PlannedSend(
                    sendKey: key, workspace: fixture.workspace, campaign: CampaignID(UUID()), enrolment: EnrolmentID(UUID()), mailbox: mailbox,
                    recipient: "\(key.hashValue.magnitude)@x.example", recipientName: nil, subject: "Hi", text: "{{unsubscribe_url}}", html: nil,
                    priority: 100, dueAt: now, reservation: nil)
            ])
        #expect(try await rpc.call(request).enqueued == 1)
        let send: SendID = try await fixture.database.query(
            "update sends set state = \(state), data_sent_at = \(now) where send_key = \(key) returning id")[0].decode("id")
        if state == "ambiguous" { try await fixture.database.query("update jobs set state = 'failed' where id = \(send)") }
        let links = try UnsubscribeLinks(keyring: fixture.house.house.keyring, baseURL: fixture.house.house.publicBaseURL)
        return Planned(
            key: key, send: send, messageID: MessageComposer.messageIdentifier(of: key, tenant: fixture.tenant, at: "sender.example"),
            link: links.link(tenant: fixture.tenant, send: send))
    }

    private func copy(_ messageID: String, link: String? = nil) -> String {
        let unsubscribe = link.map { "List-Unsubscribe:\n <\($0)>\n" } ?? ""
        return "From: grace@sender.example\nMessage-ID: <\(messageID)>\nSubject: Hi\n\(unsubscribe)\nbody\n"
    }

    private func state(_ planned: Planned, _ fixture: ReadingFixture) async throws -> (state: String, providerID: String?) {
        let row = try await fixture.database.query("select state, provider_message_id from sends where id = \(planned.send)")[0]
        return (try row.decode("state"), try row.decodeOptional("provider_message_id"))
    }

    @Test(
        "a mail of unknown fate is accepted when its copy is there, by its link or by its Message-ID, and others hear of it; a rewritten Message-ID is kept"
    )
    func settles() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        let mailbox = try await fixture.mailbox()
        let rewritten = try await plan("campaign:a:1", "ambiguous", fixture, mailbox)
        let plain = try await plan("campaign:b:1", "ambiguous", fixture, mailbox)
        let open = try await plan("campaign:c:1", "ambiguous", fixture, mailbox)
        let late = try await plan("campaign:d:1", "data_sent", fixture, mailbox)
        let bare = try await plan("reply:e", "data_sent", fixture, mailbox)
        let sent = try await plan("campaign:f:1", "accepted", fixture, mailbox)
        let server = fixture.server
        try server.deliver(copy("XYZ@outlook.example", link: rewritten.link), in: .sent)
        try server.deliver(copy(plain.messageID), in: .sent)
        try server.deliver(copy(late.messageID, link: late.link), in: .sent)
        try server.deliver(copy(bare.messageID), in: .sent)
        try server.deliver(copy("OTHER@outlook.example", link: sent.link), in: .sent)
        // A link that somebody made up, and a mail that has nothing to do with us.
        try server.deliver(copy("1@sender.example", link: String(open.link.dropLast(4)) + "AAAA"), in: .sent)
        try server.deliver(copy("2@sender.example"), in: .sent)
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("the copies are found") {
                let states = try await (state(rewritten, fixture), state(plain, fixture))
                return states.0.state == "accepted" && states.1.state == "accepted"
            }
            #expect(try await state(open, fixture).state == "ambiguous")
            #expect(try await state(late, fixture).state == "data_sent")
            // Their worker died: what it left is given up, and settled at the next look by the copies that were seen before.
            for planned in [late, bare] {
                try await fixture.database.query("update sends set state = 'ambiguous' where id = \(planned.send)")
                try await fixture.database.query("update jobs set state = 'failed' where id = \(planned.send)")
            }
            try await eventually("both are settled") {
                try await fixture.due()
                let states = try await (state(late, fixture), state(bare, fixture))
                return states.0.state == "accepted" && states.1.state == "accepted"
            }
        }
        #expect(try await state(rewritten, fixture).providerID == "XYZ@outlook.example")
        #expect(try await state(plain, fixture).providerID == nil)
        #expect(try await state(late, fixture).providerID == nil)
        #expect(try await state(sent, fixture).providerID == "OTHER@outlook.example")
        #expect(try await state(open, fixture).state == "ambiguous")
        let told = try await fixture.database.query("select body from outbox where type = 'delivery.send.settled'")
        #expect(told.count == 4)
        #expect(try told.allSatisfy { try $0.decode("body", as: String.self).contains("sent_copy") })
        let resolved = try await fixture.database.query("select body from outbox where type = 'delivery.sends.resolved'")
        let bodies = try resolved.map { try $0.decode("body", as: String.self) }.joined()
        for planned in [rewritten, plain, late, bare] { #expect(bodies.contains(planned.key)) }
        // What it said is erased with its fate known, and its job is done.
        #expect(try await fixture.database.query("select from send_contents where send_id = \(plain.send)").isEmpty)
        #expect(try await fixture.database.query("select from jobs where id = \(plain.send) and state = 'completed'").count == 1)
    }

    @Test("a copy is found however many mails of unknown fate stand before its own, as after a restore")
    func many() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        let mailbox = try await fixture.mailbox()
        try await fixture.database.query(
            """
            insert into sends (tenant_id, id, send_key, state, workspace_id, mailbox_id, recipient, created_at)
            select \(fixture.tenant), ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'campaign:before:' || n, 'ambiguous',
                \(fixture.workspace), \(mailbox), 'before' || n || '@x.example', now()
            from generate_series(1, 1000) n
            """)
        let last = try await plan("campaign:a:1", "ambiguous", fixture, mailbox)
        try fixture.server.deliver(copy(last.messageID), in: .sent)
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("the copy is found") { try await state(last, fixture).state == "accepted" }
        }
        #expect(try await fixture.database.query("select from sends where state = 'ambiguous'").count == 1_000)
    }

    @Test("a company that wants such mail sent again waits until the sent mail was read")
    func resend() async throws {
        let fixture = try await ReadingFixture.make()
        let mailbox = try await fixture.mailbox()
        let planned = try await plan("campaign:a:1", "ambiguous", fixture, mailbox)
        let now = fixture.house.clock.clock.now
        try await fixture.database.query(
            "insert into delivery_settings (tenant_id, ambiguous, updated_at) values (\(fixture.tenant), 'resend', \(now))")
        try await fixture.database.query(
            """
            insert into mailbox_folders (tenant_id, mailbox_id, folder, name, uid_validity, last_uid, read_at)
            values (\(fixture.tenant), \(mailbox), 'sent', 'Sent', 1, 1, \(now))
            """)
        let inner = fixture.house.house
        let ambiguous = AmbiguousSends(
            api: inner.api, worker: inner.worker, counters: QueueCounters(instance: "test", .other), events: SendEvents(outbox: inner.outbox),
            outbox: inner.outbox, wakeup: Wakeup(), clock: inner.clock)
        #expect(try await ambiguous.resendByPolicy() == 0)
        // Read for long enough after the mail went out, and no copy: it is sent again.
        try await fixture.database.query("update mailbox_folders set read_at = \(now.addingTimeInterval(61)) where folder = 'sent'")
        #expect(try await ambiguous.resendByPolicy() == 1)
        #expect(try await state(planned, fixture).state == "planned")
    }
}
