import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Recipients who are refused while a mail is handed over")
struct RefusedRecipientTests {
    private func resolve(_ fixture: DeliveryFixture, _ recipient: String, _ mailbox: MailboxID, _ result: DeliveryResult) async throws {
        let send = try await fixture.plan(one: recipient, mailbox)
        try await fixture.write(try #require(try await fixture.takeClaimed().first { $0.send == send }), result)
    }

    @Test("an unknown user is suppressed for the company, in the commit of the refusal, and his enrolment hears of it")
    func unknownUser() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let waiting = try await fixture.plan(one: "ada@x.example", mailbox)
        let enrolment: EnrolmentID = try await fixture.database.query("select enrolment_id from sends where id = \(waiting)")[0].decode(
            "enrolment_id")
        let first = try #require(try await fixture.takeClaimed().first)
        try await fixture.write(first, .refused(code: 550, text: "5.1.1 <ada@x.example> User unknown"))
        #expect(try await fixture.suppressed(["ada@x.example"], in: WorkspaceID(UUID())) == ["ada@x.example"])
        #expect(try await fixture.number("select count(*) as n from suppressions where reason = 'hard_bounce' and source = 'smtp'") == 1)
        let feedback = try await fixture.told("delivery.feedback.received")
        #expect(feedback.count == 1 && feedback[0].contains(enrolment.description) && feedback[0].contains("hard_bounce"), "\(feedback)")
        let suppressed = try await fixture.told("delivery.recipients.suppressed")
        #expect(suppressed.count == 1 && suppressed[0].contains(enrolment.description), "\(suppressed)")
        // It is a refusal among the figures of the mailbox, and no bounce besides.
        #expect(try await fixture.number("select count(*) as n from send_feedback") == 0)
        #expect(try await fixture.number("select refused::int as n from reputation_days") == 1)
        // And nothing more goes there.
        _ = try await fixture.plan(one: "ada@x.example", mailbox)
        #expect(try await fixture.takeClaimed().isEmpty)
        #expect(try await fixture.states() == ["refused": 1, "suppressed": 1])
    }

    @Test(
        "a refusal for who sends or what is sent suppresses nobody",
        arguments: [
            (550, "5.7.1 Message rejected due to local policy"), (554, "5.7.26 This mail has been blocked because the sender is unauthenticated"),
            (554, "5.6.0 the mail cannot be written: noDomain"), (550, "no"),
        ])
    func policy(code: Int, text: String) async throws {
        let fixture = try await DeliveryFixture.make()
        try await resolve(fixture, "ada@x.example", try await fixture.mailbox(), .refused(code: code, text: text))
        #expect(try await fixture.states() == ["refused": 1])
        #expect(try await fixture.suppressed(["ada@x.example"]) == [])
        #expect(try await fixture.number("select count(*) as n from soft_bounces") == 0)
        #expect(try await fixture.told("delivery.feedback.received").isEmpty)
    }

    @Test("three refusals in a row for a reason that may pass suppress")
    func soft() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        for count in 1...3 {
            #expect(try await fixture.suppressed(["ada@x.example"]) == [])
            fixture.house.clock.advance(by: .seconds(60))
            try await resolve(fixture, "ada@x.example", mailbox, .refused(code: 552, text: "5.2.2 Mailbox full"))
            #expect(try await fixture.number("select count(*) as n from soft_bounces") == count)
        }
        #expect(try await fixture.suppressed(["ada@x.example"]) == ["ada@x.example"])
    }

    @Test("an outcome whose claim was lost says nothing about anybody")
    func fenced() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.plan(one: "ada@x.example", try await fixture.mailbox())
        let delivery = try #require(try await fixture.takeClaimed().first)
        try await fixture.database.query("update sends set fence = fence + 1")
        try await fixture.write(delivery, .refused(code: 550, text: "5.1.1 User unknown"))
        #expect(try await fixture.suppressed(["ada@x.example"]) == [])
        #expect(try await fixture.told("delivery.feedback.received").isEmpty)
    }

    @Test("groups of refusals side by side, in any order, with claims between them, all get through")
    func crowd() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let recipients = (0..<60).map { "lead\($0)@x.example" }
        _ = try await fixture.rpc.call(fixture.plan(mailbox, recipients))
        let claimed = try await fixture.takeClaimed()
        #expect(claimed.count == 60)
        // Each person twice: a second mail to whom the first group refuses.
        // From another mailbox: one of which so many are refused pauses itself.
        let other = try await fixture.mailbox("other@sender.example")
        _ = try await fixture.rpc.call(fixture.plan(other, recipients.reversed(), prefix: "other"))
        let (outcomes, now) = (fixture.outcomes, fixture.house.clock.clock.now)
        func write(_ group: [Delivery]) async throws {
            let refused = group.map { delivery in
                OutcomeStore.Outcome(
                    delivery: delivery,
                    resolution: Resolution(.refused(code: 550, text: "5.1.1 User unknown"), of: delivery, now: now, spread: 0))
            }
            try await fixture.database.transaction { try await outcomes.write(refused, now: now, in: $0) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: 60, by: 15) {
                let part = Array(claimed[start..<start + 15])
                group.addTask { try await write(start % 2 == 0 ? part : part.reversed()) }
            }
            group.addTask { for _ in 0..<10 { _ = try await fixture.claim(limit: 3) } }
            try await group.waitForAll()
        }
        #expect(try await fixture.suppressed(recipients).count == 60)
        _ = try await fixture.claim(limit: 100)
        let states = try await fixture.states()
        // What was claimed while its recipient was not refused yet is on its way; everything else has been taken out.
        #expect(states["refused"] == 60 && states["planned"] == nil)
        #expect((states["suppressed"] ?? 0) + (states["claimed"] ?? 0) == 60)
    }
}
