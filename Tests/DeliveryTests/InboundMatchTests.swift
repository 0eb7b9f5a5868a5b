import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Mail that came in finds what it is about")
struct InboundMatchTests {
    /// How a mail may be about ours.
    enum Way: String, CaseIterable, Sendable {
        case inReplyTo, references, rewritten, token, quotedToken, subject, subjectOfAutoReply
        case otherSubject, otherPerson, nothing, foreignToken, emptySubject
    }

    private func mail(_ way: Way, _ ground: InboxGround, key: String) async throws -> InboxGround.Mail {
        let identifier = ground.identifier(key)
        let house = ground.fixture.house.house
        let links = try UnsubscribeLinks(keyring: house.keyring, baseURL: house.publicBaseURL)
        let send: SendID = try await ground.database.query("select id from sends where send_key = \(key)")[0].decode("id")
        var mail = InboxGround.Mail(subject: "Something else")
        switch way {
        case .inReplyTo: mail.answers = [identifier]
        case .references: mail.answers = [identifier.uppercased(), "later@elsewhere.example"]
        case .rewritten:
            try await ground.database.query("update sends set provider_message_id = 'changed@provider.example' where id = \(send)")
            mail.answers = ["changed@provider.example"]
        case .token: mail.original = ["list-unsubscribe=<\(links.link(tenant: ground.tenant, send: send))>"]
        case .quotedToken: mail.text = "Yes\n\n> Leave: \(links.link(tenant: ground.tenant, send: send))."
        case .subject: mail.subject = "AW: [EXTERNAL]  hi"
        case .subjectOfAutoReply:
            mail.subject = "Automatic reply: Hi"
            mail.verdict = .outOfOffice
        case .otherSubject: mail.subject = "Re: Hi Ada"
        case .otherPerson:
            mail.from = "Eve <eve@lead.example>"
            mail.subject = "Re: Hi"
        case .nothing: break
        case .foreignToken: mail.text = links.link(tenant: TenantID(UUID()), send: send)
        case .emptySubject: mail.subject = "Re:"
        }
        return mail
    }

    @Test("by what it names, by the link it quotes, or by writer and subject; nothing else is kept", arguments: Way.allCases)
    func ways(way: Way) async throws {
        let ground = try await InboxGround.make()
        let enrolment = EnrolmentID(UUID())
        let key = "campaign:\(enrolment):0"
        try await ground.sent(key, to: "ada@lead.example", enrolment: enrolment)
        try await ground.take(try await mail(way, ground, key: key))
        switch way {
        case .inReplyTo, .references, .rewritten, .token, .quotedToken, .subject:
            #expect(try await ground.kept == [1, 1])
            #expect(try await ground.feedback() == ["replied \(key)"])
        case .subjectOfAutoReply:
            #expect(try await ground.threads == 1)
            #expect(try await ground.feedback() == ["automatic_reply \(key)"])
        case .otherSubject, .otherPerson, .nothing, .foreignToken, .emptySubject:
            #expect(try await ground.kept == [0, 0])
            #expect(try await ground.feedback() == [])
            #expect(try await ground.number("select count(*) as n from inbound_facts") == 0)
        }
    }

    @Test("of several mails it is about the one that it answers; one enrolment has one thread, whoever answers")
    func newest() async throws {
        let ground = try await InboxGround.make()
        let enrolment = EnrolmentID(UUID())
        let keys = (0..<3).map { "campaign:\(enrolment):\($0)" }
        for key in keys { try await ground.sent(key, to: "ada@lead.example", enrolment: enrolment) }
        let identifiers = keys.map(ground.identifier)
        try await ground.take(.init(answers: identifiers))
        try await ground.take(.init(from: "Bo <bo@lead.example>", answers: [identifiers[0], identifiers[1]]))
        #expect(try await ground.feedback() == ["replied \(keys[2])", "replied \(keys[1])"])
        #expect(try await ground.kept == [1, 2])
        let contact: String = try await ground.database.query("select contact from inbox_threads")[0].decode("contact")
        #expect(contact == "ada@lead.example")
        // What answers a mail of the thread that is not ours belongs to it, too.
        let first: String = try await ground.database.query("select message_id from inbox_messages order by at, id limit 1")[0].decode("message_id")
        try await ground.take(.init(subject: "More", answers: [first]))
        #expect(try await ground.kept == [1, 3])
    }

    @Test("two mails without enrolments begin two threads, and what is older than sixty days is found by its reference only")
    func apart() async throws {
        let ground = try await InboxGround.make()
        let one = try await ground.sent("transactional:1", to: "ada@lead.example", subject: "One")
        try await ground.sent("transactional:2", to: "ada@lead.example", subject: "Two")
        try await ground.take(.init(subject: "Re: One"), .init(subject: "Re: Two", uid: 2))
        #expect(try await ground.threads == 2)
        ground.fixture.house.clock.advance(by: .seconds(61 * 86_400))
        try await ground.take(.init(subject: "Re: One"), .init(subject: "Re: One", answers: [one], uid: 2))
        #expect(try await ground.kept == [2, 3])
    }

    @Test("the same mail again changes nothing: in another folder, after the mailbox was numbered anew, and when it has no identifier")
    func again() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        let mail = InboxGround.Mail(id: "one@lead.example", answers: [identifier])
        try await ground.take(mail, mail)
        var moved = mail
        (moved.folder, moved.uid, moved.id) = (.spam, 99, "ONE@lead.example")
        try await ground.take(moved)
        var nameless = InboxGround.Mail(id: nil, answers: [identifier], uid: 5)
        try await ground.take(nameless)
        try await ground.take(nameless)
        nameless.uid = 6
        try await ground.take(nameless)
        #expect(try await ground.messages == 3)
        #expect(try await ground.feedback().count == 3)
        #expect(try await ground.number("select messages as n from inbox_threads") == 3)
    }

    @Test("people's own mail is never kept: neither what they get nor what they send, understood or not")
    func privacy() async throws {
        let ground = try await InboxGround.make()
        try await ground.sent("transactional:1", to: "ada@lead.example")
        let secret = "the rent is paid"
        var uid: UInt32 = 10
        for verdict in InboundVerdict.Kind.allCases {
            for from in ["landlord@home.example", InboxGround.own] {
                for folder in [FetchedMail.Folder.inbox, .sent, .spam] {
                    uid += 1
                    try await ground.take(
                        .init(
                            from: from, subject: "Flat", answers: ["private@home.example"], verdict: verdict, text: secret, folder: folder, uid: uid))
                }
            }
        }
        // Of somebody we wrote to as well, when it is about something else or nobody knows what it is.
        try await ground.take(.init(subject: "Flat", text: secret), .init(verdict: .unknown, text: secret, uid: 2))
        #expect(try await ground.fixture.house.tables(holding: secret) == [])
        #expect(try await ground.fixture.house.tables(holding: "landlord@home.example") == [])
        #expect(try await ground.number("select count(*) as n from inbound_facts") == 0)
        #expect(try await ground.feedback() == [])
        #expect(try await ground.suppressions() == [])
    }

    @Test("what is not understood is kept where it names a mail of ours or has a thread, and stops nothing")
    func unknown() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        try await ground.take(.init(answers: [identifier], verdict: .unknown))
        try await ground.take(.init(verdict: .unknown))
        #expect(try await ground.kept == [1, 2])
        #expect(try await ground.feedback() == [])
    }

    @Test("what cannot be read, and a mailbox that is gone, keep nothing behind them waiting")
    func unreadable() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        var broken = ground.fetched(.init())
        broken = FetchedMail(
            tenant: broken.tenant, workspace: broken.workspace, mailbox: broken.mailbox, folder: .inbox, uidValidity: 7, uid: 3,
            receivedAt: broken.receivedAt, bytes: [0xFF, 0x00])
        let gone = FetchedMail(
            tenant: broken.tenant, workspace: broken.workspace, mailbox: MailboxID(UUID()), folder: .inbox, uidValidity: 7, uid: 4,
            receivedAt: broken.receivedAt, bytes: InboxGround.Mail(answers: [identifier]).bytes)
        let mails = [broken, gone, ground.fetched(.init(answers: [identifier], text: "nul \0 and long \(String(repeating: "ü", count: 200_000))"))]
        try await ground.database.transaction { try await ground.processing.take(mails, in: $0) }
        #expect(try await ground.messages == 1)
        let text: String = try await ground.database.query("select text_body from inbox_messages")[0].decode("text_body")
        #expect(text.hasPrefix("nul  and long ü") && text.utf8.count <= NewInboxMessage.longestText)
    }

    @Test("what somebody wrote by hand in a thread belongs to it; our own mail that the provider filed is not doubled")
    func sentByHand() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        try await ground.take(.init(id: identifier, from: "Me <\(InboxGround.own)>", subject: "Hi", folder: .sent))
        #expect(try await ground.threads == 0)
        try await ground.take(.init(id: "in@lead.example", answers: [identifier]))
        let hand = InboxGround.Mail(
            id: "hand@provider.example", from: "Me <\(InboxGround.own)>", to: "ada@lead.example", answers: [identifier, "in@lead.example"],
            text: "By hand.", folder: .sent, uid: 2)
        try await ground.take(hand, .init(id: identifier, from: "Me <\(InboxGround.own)>", folder: .sent, uid: 3))
        let rows = try await ground.database.query("select direction, kind from inbox_messages order by at, id")
        #expect(try rows.map { try $0.decode("direction", as: String.self) } == ["inbound", "outbound"])
        #expect(try await ground.number("select count(*) as n from inbox_threads where is_unread") == 0)
        #expect(try await ground.feedback() == ["replied transactional:1"])
    }
}
