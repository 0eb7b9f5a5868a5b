import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Answers from the inbox")
struct InboxReplyTests {
    private func ready(_ verdict: InboundVerdict.Kind = .reply) async throws -> (InboxGround, String) {
        let ground = try await InboxGround.make()
        let enrolment = EnrolmentID(UUID())
        let identifier = try await ground.sent("campaign:\(enrolment):0", to: "ada@lead.example", enrolment: enrolment)
        try await ground.take(.init(id: "first@lead.example", answers: [identifier], verdict: verdict))
        return (ground, "/api/v1/inbox/threads/\(try await ground.thread())")
    }

    @Test("an answer goes out through the same mailbox in the person's thread, and what they write next finds it")
    func wholeWay() async throws {
        let (ground, path) = try await ready()
        let answer = try await ground.ask(.post, path + "/reply", #"{"text":"Great, Monday?\n{{x}}","html":"<p>Great</p><script>x</script>"}"#)
        #expect(answer.status == 202 && !answer.body.contains("ada"), "\(answer.body)")
        let key: String = try await ground.database.query("select send_key from sends where send_key like 'reply:%'")[0].decode("send_key")
        try await ground.working {
            try await eventually("the answer is out") {
                try await ground.number("select count(*) as n from sends where send_key like 'reply:%' and state = 'accepted'") == 1
            }
        }
        let mail = try #require(try ground.fixture.mail.mails().first { $0.contains("Monday") })
        let head = mail.replacing("\r\n", with: "\n").components(separatedBy: "\n\n")[0].replacing("\n ", with: " ")
        let origin: String = try await ground.database.query("select refers_to[1] as id from inbox_messages order by at, id limit 1")[0].decode("id")
        for field in [
            "From: Me <me@sender.example>", "To: Ada <ada@lead.example>", "Subject: Re: Hi", "In-Reply-To: <first@lead.example>",
            "References: <\(origin)> <first@lead.example>", "Message-ID: <\(ground.identifier(key))>",
        ] { #expect(head.contains(field), "\(field) in \(head)") }
        #expect(!head.contains("List-Unsubscribe") && mail.contains("{{x}}"))

        try await ground.take(.init(subject: "Monday is fine", answers: ["first@lead.example", ground.identifier(key)], uid: 2))
        #expect(try await ground.kept == [1, 3])
        let view = try await ground.ask(.get, path)
        #expect(view.body.contains(#""send_state":"accepted""#) && view.body.contains("<p>Great</p>") && !view.body.contains("<script>"))
        // The enrolment hears of the second answer, too, by the mail that began the thread.
        #expect(Set(try await ground.feedback()).count == 1)
        #expect(try await ground.feedback().allSatisfy { $0.hasPrefix("replied campaign:") })
        let audit = try await ground.number("select count(*) as n from outbox where type = 'delivery.inbox.replied' and body like '%inbox.reply%'")
        #expect(audit == 1)
    }

    @Test("an answer to a mail that names nothing refers to the mail that began the thread, by the name that its provider gave it")
    func renamed() async throws {
        let (ground, path) = try await ready()
        try await ground.database.query("update inbox_messages set message_id = null, refers_to = '{}'")
        try await ground.database.query("update sends set provider_message_id = 'XYZ@outlook.example'")
        #expect(try await ground.ask(.post, path + "/reply", #"{"text":"Yes"}"#).status == 202)
        let answers: [String] = try await ground.database.query(
            "select c.answers from send_contents c join sends s on s.tenant_id = c.tenant_id and s.id = c.send_id where s.send_key like 'reply:%'")[0]
            .decode("answers")
        #expect(answers == ["XYZ@outlook.example"])
    }

    @Test("the same key sends one answer, and says the same again; with other words it is refused")
    func once() async throws {
        let (ground, path) = try await ready()
        let user = UserID(UUID())
        func reply(_ text: String) async throws -> (status: Int, body: String) {
            try await ground.ask(.post, path + "/reply", #"{"text":"\#(text)"}"#, user: user, headers: [.idempotencyKey: "k1"])
        }
        let first = try await reply("One")
        #expect(first.status == 202)
        let again = try await reply("One")
        #expect(again.status == 202 && again.body == first.body)
        #expect(try await reply("Two").status == 422)
        #expect(try await ground.number("select count(*) as n from sends where send_key like 'reply:%'") == 1)
        #expect(try await ground.kept == [1, 2])
        // Before everything of campaigns, and of no reservation.
        let row = try await ground.database.query(
            "select queue, priority, enrolment_id::text as enrolment from jobs where state = 'queued' and kind = 'email'")[0]
        #expect(try row.decode("queue", as: String.self) == WorkQueue.mailHigh.rawValue)
        #expect(try row.decodeOptional("enrolment", as: String.self) == nil)
    }

    @Test("whoever left is answered by nobody who has not seen it; a confirmed answer goes, and only that one")
    func suppressed() async throws {
        let (ground, path) = try await ready(.unsubscribeWish)
        let refused = try await ground.ask(.post, path + "/reply", #"{"text":"Sorry!"}"#)
        #expect(refused.status == 409 && refused.body.contains("recipient_suppressed"))
        #expect(try await ground.number("select count(*) as n from sends where send_key like 'reply:%'") == 0)
        #expect(try await ground.ask(.post, path + "/reply", #"{"text":"Sorry!","confirm_suppressed":true}"#).status == 202)
        try await ground.plan([ground.planned("transactional:other", to: "ada@lead.example")])
        try await ground.working {
            try await eventually("each has its fate") {
                try await ground.number(
                    """
                    select count(*) as n from sends where send_key like 'reply:%' and state = 'accepted'
                        or send_key = 'transactional:other' and state = 'suppressed'
                    """) == 2
            }
        }
    }

    @Test("an opt-out between the answer and its claim keeps it back")
    func meanwhile() async throws {
        let (ground, path) = try await ready()
        #expect(try await ground.ask(.post, path + "/reply", #"{"text":"Hello"}"#).status == 202)
        try await ground.take(.init(subject: "stop", answers: ["first@lead.example"], verdict: .unsubscribeWish, uid: 2))
        try await ground.working {
            try await eventually("it is suppressed") {
                try await ground.number("select count(*) as n from sends where send_key like 'reply:%' and state = 'suppressed'") == 1
            }
        }
    }

    @Test(
        "what cannot be sent is refused with a reason",
        arguments: [
            (#"{"text":""}"#, 400), (#"{"text":" \n "}"#, 400), (#"{"html":"<p>x</p>"}"#, 400), (#"{"text":"x","html":""}"#, 400), ("[]", 400),
        ])
    func invalid(body: String, status: Int) async throws {
        let (ground, path) = try await ready()
        #expect(try await ground.ask(.post, path + "/reply", body).status == status)
        let long = #"{"text":"\#(String(repeating: "x", count: NewInboxMessage.longestText + 1))"}"#
        #expect(try await ground.ask(.post, path + "/reply", long).status == 400)
    }

    @Test("a mailbox that does not send answers nobody, and Reply-To is where an answer goes")
    func mailboxes() async throws {
        let (ground, path) = try await ready()
        try await ground.take(.init(answers: ["first@lead.example"], uid: 2, extra: ["Reply-To: Desk <desk@lead.example>"]))
        try await ground.database.query("update mailboxes set state = 'paused'")
        let refused = try await ground.ask(.post, path + "/reply", #"{"text":"Hello"}"#)
        #expect(refused.status == 409 && refused.body.contains("mailbox_not_active"))
        try await ground.database.query("update mailboxes set state = 'active'")
        #expect(try await ground.ask(.post, path + "/reply", #"{"text":"Hello"}"#).status == 202)
        let recipient: String = try await ground.database.query("select recipient from sends where send_key like 'reply:%'")[0].decode("recipient")
        #expect(recipient == "desk@lead.example")
    }

    @Test(
        "identifiers that no header of ours can hold are left out",
        arguments: [
            ("a@b", true), ("a.b+c=d$e@x.example", true), ("no-at", false), ("a@b@c", false), ("a b@c", false), ("@c", false),
            ("a\r\nBcc:x@c", false),
            (String(repeating: "x", count: 250) + "@c", false), ("ä@c", false), ("[a]@c", false),
        ])
    func identifiers(text: String, isFit: Bool) {
        #expect(InboxReply.canBeWritten(text) == isFit)
    }

    @Test(
        "an answer's subject says Re: once",
        arguments: [
            ("Hi", "Re: Hi"), ("Re: Hi", "Re: Hi"), ("RE: Hi", "RE: Hi"), ("", "Re:"), ("a\r\nBcc: x", "Re: a Bcc: x"),
        ])
    func subjects(subject: String, answer: String) {
        #expect(InboxReply.subject(answering: subject) == answer)
    }
}
