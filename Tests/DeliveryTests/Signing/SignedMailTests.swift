import Contracts
import Foundation
import Mail
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Signed mail on its way")
struct SignedMailTests {
    private func verdicts(_ ground: SigningGround, _ mails: [String]) async throws -> [[Bool]] {
        try await IndependentDKIM.verdicts(of: mails.map { Array($0.utf8) }, zone: ground.zone.records)
    }

    private func plan(_ ground: SigningGround, _ mailbox: MailboxID, _ prefix: String) -> DeliveryRPC.EnqueueSends {
        var plan = ground.fixture.plan(mailbox, (0..<4).map { "\(prefix)\($0)@x.example" }, prefix: prefix)
        // Due by the database's clock, whatever the test's says.
        for index in plan.sends.indices { plan.sends[index].dueAt = Date(timeIntervalSinceNow: -1) }
        plan.sends[0].html = #"<p>Grüße.   <a href="{{unsubscribe_url}}">Leave</a></p>"#
        plan.sends[1].text = "Zürich\n.dot\n\(String(repeating: "long ", count: 400))\n\n\nLeave: {{unsubscribe_url}}\n\n\n"
        plan.sends[1].subject = "Ünï \(String(repeating: "words ", count: 40))"
        plan.sends[2].text = ""
        return plan
    }

    @Test("mail that the worker sends verifies with another implementation, before, while and after one key follows another")
    func wholeWay() async throws {
        let ground = try await SigningGround.make()
        let fixture = ground.fixture
        let old = try await ground.activated()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(plan(ground, mailbox, "first"))
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("the first are sent") { try await fixture.states() == ["accepted": 4] }
            let new = try await ground.keys.rotate(SigningGround.domain, of: ground.tenant, by: .system).suffix(2)
            ground.zone.publish(Array(new))
            try await ground.keys.tend(SigningGround.domain, of: ground.tenant)
            ground.advance(seconds: 60)
            _ = try await fixture.rpc.call(plan(ground, mailbox, "second"))
            try await eventually("the second are sent") { try await fixture.states() == ["accepted": 8] }
            let mails = try fixture.mail.mails()
            #expect(mails.count == 8)
            for (prefix, keys) in [("first", old), ("second", Array(new))] {
                let own = mails.filter { $0.contains("Delivered-To: \(prefix)") }
                #expect(own.count == 4)
                for mail in own {
                    let places = keys.compactMap { key in mail.range(of: " s=\(key.selector);")?.lowerBound }
                    #expect(places.count == 2 && places == places.sorted(), "\(mail)")
                }
            }
            #expect(try await verdicts(ground, mails) == [[Bool]](repeating: [true, true], count: 8))
            // Both of the headers by which a reader leaves are covered.
            let folded = try #require(mails.first).replacing("\r\n ", with: "").replacing("\n ", with: "")
            #expect(folded.contains("List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post"))
            let changed = mails.map { $0.replacing("List-Unsubscribe: <https://localhost", with: "List-Unsubscribe: <https://evil") }
            #expect(changed != mails)
            #expect(try await verdicts(ground, changed) == [[Bool]](repeating: [false, false], count: 8))
        }
    }

    @Test("mail of a domain without a key in use goes out as it is")
    func unsigned() async throws {
        let ground = try await SigningGround.make()
        let fixture = ground.fixture
        // Made and not published, and another company's in use.
        _ = try await ground.keys.make(for: SigningGround.domain, of: ground.tenant, by: .system)
        let other = TenantID(UUID())
        ground.zone.publish(try await ground.keys.make(for: SigningGround.domain, of: other, by: .system))
        #expect(try await ground.keys.tend(SigningGround.domain, of: other).map(\.state) == [.active, .active])
        #expect(try await ground.keys.tend(SigningGround.domain, of: ground.tenant).map(\.state) == [.pending, .pending])
        _ = try await fixture.rpc.call(plan(ground, try await fixture.mailbox(), "plain"))
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("all are sent") { try await fixture.states() == ["accepted": 4] }
        }
        #expect(try fixture.mail.mails().allSatisfy { !$0.contains("DKIM-Signature") })
    }

    @Test("mail whose key cannot be read waits, unsent and uncounted against its mailbox, and goes out signed when it can be")
    func waiting() async throws {
        let ground = try await SigningGround.make()
        let fixture = ground.fixture
        try await ground.activated()
        let sealed: String = try await fixture.database.query("select private_key_sealed from signing_keys where algorithm = 'rsa-sha256'")[0]
            .decode("private_key_sealed")
        try await fixture.database.query("update signing_keys set private_key_sealed = 'v1.k1.AAAA' where algorithm = 'rsa-sha256'")
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(plan(ground, mailbox, "held"))
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("all have been tried") {
                let logs = try await fixture.database.query("select distinct job_id from job_logs where message like '%could not be signed yet%'")
                return logs.count == 4
            }
            #expect(try await fixture.states() == ["planned": 4])
            #expect(try fixture.mail.mails().isEmpty)
            let row = try await fixture.database.query("select state, failures from mailboxes where id = \(mailbox)")[0]
            #expect(try row.decode("state", as: String.self) == "active" && row.decode("failures", as: Int.self) == 0)
            try await fixture.database.query("update signing_keys set private_key_sealed = \(sealed) where algorithm = 'rsa-sha256'")
            ground.advance(seconds: 600)
            try await eventually("all are sent", within: .seconds(40)) { try await fixture.states() == ["accepted": 4] }
        }
        #expect(try await verdicts(ground, try fixture.mail.mails()) == [[Bool]](repeating: [true, true], count: 4))
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("a try that was put off comes back within five minutes, counts as a try, and spoke to nobody")
    func putOff() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.rpc.call(fixture.plan(try await fixture.mailbox(), ["a@x.example"]))
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        let delivery = try #require(taken.first).delivery
        let now = fixture.house.clock.clock.now
        let resolution = Resolution(.postponed(text: "later"), of: delivery, now: now, spread: 1)
        #expect(resolution.state == "planned" && resolution.sentNothing && !resolution.wasTried && !resolution.isTold && !resolution.isUsed)
        #expect(resolution.unreachable == delivery.unreachable && resolution.code == nil && !resolution.erasesContent)
        guard case .again(let next, let counted) = resolution.job else {
            Issue.record("it is not tried again")
            return
        }
        #expect(counted && next > now && next <= now.addingTimeInterval(375))
        try await fixture.write(delivery, .postponed(text: "later"))
        #expect(try await fixture.states() == ["planned": 1])
        #expect(try await fixture.database.query("select 1 as one from jobs where state = 'queued' and kind = 'email'").count == 1)
    }
}
