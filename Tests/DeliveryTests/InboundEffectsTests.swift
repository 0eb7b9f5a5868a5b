import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

private let ada = "ada@lead.example"

@Suite("What mail that came in does")
struct InboundEffectsTests {
    /// An enrolment with one mail out and one that waits.
    private func enrolled(_ ground: InboxGround) async throws -> EnrolmentID {
        let enrolment = EnrolmentID(UUID())
        try await ground.sent("campaign:\(enrolment):0", to: ada, enrolment: enrolment)
        try await ground.plan([ground.planned("campaign:\(enrolment):1", to: ada, enrolment: enrolment)])
        return enrolment
    }

    private func report(_ kind: InboundVerdict.Kind, _ ground: InboxGround, _ enrolment: EnrolmentID, uid: UInt32 = 1) -> InboxGround.Mail {
        .init(
            from: "Mail Delivery <mailer-daemon@mx.example>", subject: "Undelivered", verdict: kind, uid: uid,
            original: ["message-id=<\(ground.identifier("campaign:\(enrolment):0"))>"])
    }

    @Test(
        "whoever may suppress waits for the list before it holds a mail of the ledger, as outcomes do; an answer does not wait at all",
        arguments: [InboundVerdict.Kind.hardBounce, .softBounce, .complaint, .unsubscribeWish])
    func order(kind: InboundVerdict.Kind) async throws {
        let ground = try await InboxGround.make()
        let enrolment = try await enrolled(ground)
        let isReport = kind != .unsubscribeWish
        let mail =
            isReport ? report(kind, ground, enrolment) : .init(answers: [ground.identifier("campaign:\(enrolment):0")], verdict: kind)
        let taking = try await ground.database.transaction { transaction in
            // As a writer of outcomes that has the list and comes to the ledger next.
            try await transaction.query(SuppressionLock.exclusive)
            let taking = Task { try await ground.take(mail) }
            try await eventually("it waits for the list") {
                let rows = try await transaction.query(
                    """
                    select count(*) as n from pg_locks where locktype = 'advisory' and not granted and mode = 'ExclusiveLock'
                      and database = (select oid from pg_database where datname = current_database())
                    """)
                return try rows[0].decode("n", as: Int.self) == 1
            }
            _ = try await transaction.query("select id from sends for update nowait")
            return taking
        }
        try await taking.value
        #expect(try await ground.number("select count(*) as n from inbound_facts") == 1)
        // What suppresses nobody goes on while somebody else has the list.
        try await ground.database.transaction { transaction in
            try await transaction.query(SuppressionLock.exclusive)
            try await ground.take(.init(answers: [ground.identifier("campaign:\(enrolment):0")], verdict: .reply, uid: 2))
        }
        #expect(try await ground.number("select count(*) as n from inbound_facts") == 2)
    }

    @Test(
        "an answer, a hard bounce, a complaint and an opt-out each hold the next mail, with their event and their suppression",
        arguments: [InboundVerdict.Kind.reply, .hardBounce, .complaint, .unsubscribeWish])
    func ends(kind: InboundVerdict.Kind) async throws {
        let ground = try await InboxGround.make()
        let enrolment = try await enrolled(ground)
        let key = "campaign:\(enrolment):0"
        var mail = report(kind, ground, enrolment)
        if kind == .reply || kind == .unsubscribeWish { mail = .init(answers: [ground.identifier(key)], verdict: kind) }
        try await ground.take(mail)
        let expected: (feedback: String, suppressed: [String], threads: Int) =
            switch kind {
            case .hardBounce: ("hard_bounce", ["\(ada) hard_bounce"], 0)
            case .complaint: ("complained", ["\(ada) complaint"], 0)
            case .unsubscribeWish: ("unsubscribed", ["\(ada) unsubscribed"], 1)
            default: ("replied", [], 1)
            }
        #expect(try await ground.feedback() == ["\(expected.feedback) \(key)"])
        #expect(try await ground.suppressions() == expected.suppressed)
        #expect(try await ground.threads == expected.threads)
        #expect(try await ground.fixture.claim().isEmpty)
        #expect(try await ground.number("select count(*) as n from jobs where state = 'gated'") == 1)
        let told = try await ground.number("select count(*) as n from outbox where type = \(DeliveryEvents.RecipientUnsubscribed.name)")
        #expect(told == (kind == .unsubscribeWish ? 1 : 0))
        // What is handed over afterwards, as by a campaign that has not heard yet, does not go either.
        try await ground.plan([ground.planned("campaign:\(enrolment):2", to: ada, enrolment: enrolment)])
        #expect(try await ground.fixture.claim().isEmpty)
        let counts = try await ground.fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test(
        "an absence, a machine's answer, a delay, a block and a soft bounce hold nothing",
        arguments: [InboundVerdict.Kind.outOfOffice, .autoReply, .deliveryNotice, .blocked, .softBounce])
    func goesOn(kind: InboundVerdict.Kind) async throws {
        let ground = try await InboxGround.make()
        let enrolment = try await enrolled(ground)
        var mail = report(kind, ground, enrolment)
        if kind == .outOfOffice || kind == .autoReply { mail = .init(answers: [ground.identifier("campaign:\(enrolment):0")], verdict: kind) }
        try await ground.take(mail)
        #expect(try await ground.suppressions() == [])
        #expect(try await ground.fixture.claim().count == 1)
        #expect(try await ground.number("select count(*) as n from send_gates") == 0)
        let facts = try await ground.database.query("select kind from inbound_facts").map { try $0.decode("kind", as: String.self) }
        #expect(facts == (kind == .deliveryNotice ? [] : [kind.rawValue]))
        let feedback = try await ground.feedback()
        switch kind {
        case .outOfOffice, .autoReply: #expect(feedback == ["automatic_reply campaign:\(enrolment):0"])
        case .softBounce: #expect(feedback == ["soft_bounce campaign:\(enrolment):0"])
        default: #expect(feedback == [])
        }
    }

    @Test("three soft bounces in a row are as good as a hard one; one mail that arrives between them begins the count anew")
    func softBounces() async throws {
        let ground = try await InboxGround.make()
        for number in 0..<6 {
            let identifier = try await ground.sent("transactional:\(number)", to: ada)
            // Later mails are later, also for whoever asks which were the last.
            ground.fixture.house.clock.advance(by: .milliseconds(5))
            if number != 2 {
                try await ground.take(.init(verdict: .softBounce, uid: UInt32(number), original: ["message-id=<\(identifier)>"]))
            }
            #expect(try await ground.suppressions() == (number == 5 ? ["\(ada) soft_bounce"] : []), "\(number)")
        }
    }

    @Test("a report acts on each recipient that it names and we wrote to, and on nobody else")
    func recipients() async throws {
        let ground = try await InboxGround.make()
        let people = ["a@lead.example", "b@lead.example", "c@lead.example"]
        for person in people { try await ground.sent("transactional:\(person)", to: person) }
        let stranger = try await ground.stranger()
        try await stranger.sent("transactional:x", to: "x@lead.example")
        try await ground.take(
            .init(
                subject: "Undelivered", verdict: .hardBounce,
                recipients: ["A@lead.example", "x@lead.example", "nobody@lead.example", "c@lead.example"]))
        #expect(try await ground.suppressions() == ["a@lead.example hard_bounce", "c@lead.example hard_bounce"])
        #expect(try await stranger.suppressions() == [])
        // A report that comes a month late and names no mail says nothing of the address any more.
        ground.fixture.house.clock.advance(by: .seconds(30 * 86_400))
        try await ground.take(.init(subject: "Undelivered", verdict: .hardBounce, recipients: ["b@lead.example"]))
        #expect(try await ground.suppressions().count == 2)
    }

    @Test("whoever wants no more mail need not say which, and neither does whom it was passed on to")
    func wishes() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: ada)
        try await ground.take(.init(subject: "stop", verdict: .unsubscribeWish))
        #expect(try await ground.suppressions() == ["\(ada) unsubscribed"])
        #expect(try await ground.threads == 1)
        try await ground.take(.init(from: "bo@lead.example", subject: "stop", answers: [identifier], verdict: .unsubscribeWish))
        #expect(try await ground.suppressions() == ["\(ada) unsubscribed", "bo@lead.example unsubscribed"])
        try await ground.take(.init(from: "eve@lead.example", subject: "stop", verdict: .unsubscribeWish))
        #expect(try await ground.suppressions().count == 2)
    }

    @Test("a campaign that does not end with an answer goes on, also when it ended with one before")
    func goesOnAfterReply() async throws {
        let ground = try await InboxGround.make()
        let (staying, changed) = (EnrolmentID(UUID()), EnrolmentID(UUID()))
        try await ground.sent("campaign:\(staying):0", to: ada, enrolment: staying, stopsOnReply: false)
        try await ground.sent("campaign:\(changed):0", to: "bo@lead.example", enrolment: changed)
        try await ground.plan([
            ground.planned("campaign:\(staying):1", to: ada, enrolment: staying, stopsOnReply: false),
            ground.planned("campaign:\(changed):1", to: "bo@lead.example", enrolment: changed),
        ])
        try await ground.take(
            .init(answers: [ground.identifier("campaign:\(staying):0")]),
            .init(from: "bo@lead.example", answers: [ground.identifier("campaign:\(changed):0")], uid: 2))
        #expect(try await ground.fixture.claim().count == 1)
        try await ground.plan([ground.planned("campaign:\(changed):2", to: "bo@lead.example", enrolment: changed, stopsOnReply: false)])
        #expect(try await SendGates(database: ground.database, wakeup: Wakeup()).release())
        #expect(try await ground.fixture.claim().count == 2)
        // A stop by hand counts more than either.
        _ = try await ground.fixture.rpc.call(
            DeliveryRPC.SetSendGate(
                tenant: ground.tenant, scope: "enrolment", id: changed.description, isOpen: false, reason: "by hand", version: 1))
        try await ground.plan([ground.planned("campaign:\(changed):3", to: "bo@lead.example", enrolment: changed, stopsOnReply: false)])
        #expect(try await ground.fixture.claim().isEmpty)
    }

    @Test("what fails behind it undoes all of it, and the mail can be taken in again")
    func undone() async throws {
        struct Failure: Error {}
        let ground = try await InboxGround.make()
        let enrolment = try await enrolled(ground)
        let mail = ground.fetched(.init(id: "one@lead.example", answers: [ground.identifier("campaign:\(enrolment):0")]))
        await #expect(throws: Failure.self) {
            try await ground.database.transaction { transaction in
                try await ground.processing.take([mail], in: transaction)
                throw Failure()
            }
        }
        #expect(try await ground.kept == [0, 0])
        #expect(try await ground.number("select count(*) as n from send_gates") == 0)
        try await ground.database.transaction { try await ground.processing.take([mail], in: $0) }
        #expect(try await ground.kept == [1, 1])
    }
}
