import Contracts
import Foundation
import Testing

@testable import Delivery

@Suite("What a mail's words mean")
struct MailTextTests {
    @Test(
        "a subject is the same whatever mail programs put before it",
        arguments: [
            ("Hi  there", "hi there"), ("Re: AW: [EXTERNAL] Hi there", "hi there"), ("re : hi", "hi"), ("Re[2]: Hi", "hi"), ("RE(3):hi", "hi"),
            ("Fwd:Re:Hi", "hi"), ("Automatic reply: Hi", "hi"), ("AUTOMATIC  REPLY : hi", "hi"), ("回复：你好", "你好"), ("Re:", ""), ("", ""),
            ("Question about x: y", "question about x: y"), ("[Project] Re: Hi", "[project] re: hi"), ("12: 30", "12: 30"),
            (String(repeating: "re: ", count: 400) + "x", ""),
        ])
    func subjects(subject: String, key: String) {
        // The last one is cut before its end.
        let text = SubjectKey(subject).text
        #expect(text == key || subject.count > 1_000 && !text.contains("x"))
    }

    @Test("a subject's digest is its company's, and says nothing else")
    func digests() {
        let (one, other) = (TenantID(UUID()), TenantID(UUID()))
        #expect(SubjectKey("Re: Hi").digest(of: one) == SubjectKey("hi").digest(of: one))
        #expect(SubjectKey("Hi").digest(of: one) != SubjectKey("Hi").digest(of: other))
        #expect(SubjectKey("Hi").digest(of: one).count == 16)
        #expect(SubjectKey(String(repeating: "ü", count: 900)).text.utf8.count <= SubjectKey.longest)
    }

    @Test(
        "an answer is told from what it quotes",
        arguments: [
            ("Yes!\r\n\r\nOn Mon, 3 Aug 2026 at 10:11, Ada <ada@x.example> wrote:\r\n> Hi\r\n> there", "Yes!", true),
            ("Ja\n\nAm 03.08.2026 um 10:11 schrieb Ada Lovelace\n<ada@x.example>:\n\n> Hi", "Ja", true),
            ("Oui\n\nLe lun. 3 août 2026 à 10:11, Ada <ada@x.example> a écrit :\n> Hi", "Oui", true),
            ("Sure\n\n-----Original Message-----\nFrom: x", "Sure", true),
            ("Klar\n\n----- Ursprüngliche Nachricht -----\nVon: x", "Klar", true),
            ("ok\n\n________________________________\nFrom: Ada\nSent: Monday", "ok", true),
            ("ok\n\nFrom: Ada <a@x.example>\nSent: Monday, 3\nTo: me\nSubject: Hi\n\nHi", "ok", true),
            ("answer\n> q\n\n> r\n", "answer", true),
            ("> quoted\n\nanswer below", "> quoted\n\nanswer below", false),
            ("As you wrote:\nyes", "As you wrote:\nyes", false),
            ("On Monday I will come at 3:\nbring cake", "On Monday I will come at 3:\nbring cake", false),
            ("From: here to there\nwe go", "From: here to there\nwe go", false),
            ("plain only", "plain only", false), ("", "", false), ("> all quoted", "> all quoted", false),
        ])
    func quotes(text: String, visible: String, isQuoting: Bool) {
        let parts = QuotedText(text)
        #expect(parts.visible == visible)
        #expect((parts.quoted != nil) == isQuoting)
    }

    @Test("a text of any form is taken apart in little time", arguments: ["on 1\n", ">\n", "From: x\n", "-- \n", "on 1 wrote:\n", "\n"])
    func bounds(line: String) {
        let start = ContinuousClock.now
        _ = QuotedText(String(repeating: line, count: NewInboxMessage.longestText / line.utf8.count))
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test(
        "what is stored has no byte too many, no half character and no NUL",
        arguments: [
            ("abc", 3, "abc"), ("abc", 2, "ab"), ("aüb", 2, "a"), ("a👍🏽b", 6, "a👍"), ("a\0b", 2, "ab"), ("", 0, ""), ("ü", 1, ""),
        ])
    func storable(text: String, limit: Int, stored: String) {
        #expect(text.storable(limit) == stored)
    }
}
