import Foundation
import MIME
import Testing

struct ParsedMailTests {
    private func parse(_ text: String, limits: MIMELimits = MIMELimits()) throws -> ParsedMail {
        try ParsedMail.parse(Array(text.utf8), limits: limits)
    }

    @Test("a header is unfolded and decoded, and its fields keep their order") func aHeaderIsUnfoldedAnd() throws {
        let mail = try parse(
            """
            Received: by b
            Received: by a
            From: =?utf-8?Q?J=C3=BCrgen_Gro=C3=9F?= <juergen@example.com>, "Doe, Jane" <jane@example.com>
            To: Sales: one@example.com, two@example.com;, three@example.com
            Cc: four@example.com
            Reply-To: five@example.com
            Subject: =?iso-8859-1?Q?Gr=FC=DFe?= =?iso-8859-1?Q?_an?=
             alle
            Date: Tue, 3 Nov 2026 10:12:43 +0100
            Message-ID: <one@example.com>
            In-Reply-To: <zero@example.com>
            References: <first@example.com>
             <zero@example.com>
            Content-Type: text/plain; charset=utf-8

            Hello
            """)
        #expect(
            mail.fields.map(\.name) == [
                "received", "received", "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "content-type",
            ])
        #expect(mail.fields.prefix(2).map(\.value) == ["by b", "by a"])
        #expect(mail.from == [.init(name: "Jürgen Groß", address: "juergen@example.com"), .init(name: "Doe, Jane", address: "jane@example.com")])
        #expect(mail.to.map(\.address) == ["one@example.com", "two@example.com", "three@example.com"])
        #expect(mail.cc.map(\.address) == ["four@example.com"])
        #expect(mail.replyTo.map(\.address) == ["five@example.com"])
        #expect(mail.subject == "Grüße an alle")
        #expect(mail.date == Date(timeIntervalSince1970: 1_793_697_163))
        #expect(mail.messageID == "one@example.com")
        #expect(mail.inReplyTo == ["zero@example.com"])
        #expect(mail.references == ["first@example.com", "zero@example.com"])
        #expect(mail.text == "Hello")
        #expect(mail.contentType == "text/plain")
    }

    @Test(
        "text of every character set becomes UTF-8",
        arguments: [
            ("koi8-r", "Привет", "8NLJ18XU"),
            ("windows-1251", "Привет", "z/Do4uXy"),
            ("iso-8859-2", "Zażółć", "WmG/87Pm"),
            ("gb2312", "您好", "xPq6ww=="),
            ("big5", "您好", "sXqmbg=="),
            ("shift_jis", "こんにちは", "grGC8YLJgr+CzQ=="),
            ("iso-2022-jp", "こんにちは", "GyRCJDMkcyRLJEEkTxsoQg=="),
            ("euc-kr", "안녕하세요", "vsiz58fPvLy/5A=="),
            ("windows-1252", "Grüße – €", "R3L832UgliCA"),
            ("iso-8859-1", "Grüße", "R3L832U="),
            ("utf-16", "Grüße", "//5HAHIA/ADfAGUA"),
            ("UTF-8", "Grüße 🙂", "R3LDvMOfZSDwn5mC"),
        ])
    func textOfEveryCharacterSet(_ charset: String, _ text: String, _ encoded: String) throws {
        let mail = try parse(
            "From: a@example.com\nContent-Type: text/plain; charset=\"\(charset)\"\nContent-Transfer-Encoding: base64\n\n\(encoded)\n")
        #expect(mail.text == text)
    }

    @Test("bytes that no character set explains are replaced and the rest is read") func bytesThatNoCharacterSet() throws {
        let head = Array("From: a@example.com\nContent-Type: text/plain; charset=utf-8\n\n".utf8)
        #expect(try ParsedMail.parse(head + Array("Gr\u{FC}\u{DF}e, é, é, é".utf8) + [0xC3]).text.hasPrefix("Grüße, é, é, é"))
        #expect(try ParsedMail.parse(head + [0x47, 0x72, 0xFC, 0xDF, 0x65]).text == "Grüße")
        let unknown = Array("From: a@example.com\nContent-Type: text/plain; charset=x-klingon\n\nplain".utf8)
        #expect(try ParsedMail.parse(unknown).text == "plain")
        #expect(try ParsedMail.parse(head + Array("a\0b\r\nc\rd".utf8)).text == "ab\nc\nd")
    }

    @Test("the text of an alternative is the plain one, and HTML stands in for a missing one") func theTextOfAnAlternative() throws {
        let both = try parse(
            """
            From: a@example.com
            Content-Type: multipart/alternative; boundary=x

            --x
            Content-Type: text/plain

            plain
            --x
            Content-Type: text/html

            <b>rich</b>
            --x--
            """)
        #expect(both.text == "plain")
        #expect(both.html == "<b>rich</b>")
        let only = try parse("From: a@example.com\nContent-Type: text/html\n\n<p>Only<br>this</p><script>not this</script>")
        #expect(only.text == "Only\nthis")
    }

    @Test("attachments are named and measured as they are without their encoding") func attachmentsAreNamedAndMeasured() throws {
        let mail = try parse(
            """
            From: a@example.com
            Content-Type: multipart/mixed; boundary=x

            --x

            see below
            --x
            Content-Type: application/pdf; name="=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?="
            Content-Disposition: attachment
            Content-Transfer-Encoding: base64

            AAECAwQFBgcICQ==
            --x
            Content-Type: text/plain
            Content-Disposition: attachment; filename*=utf-8''n%C3%B6te.txt

            not the text
            --x
            Content-Type: text/calendar; method=REPLY

            BEGIN:VCALENDAR
            --x--
            """)
        #expect(mail.text == "see below")
        #expect(mail.attachments.map(\.name) == ["Grüße.pdf", "nöte.txt", nil])
        #expect(mail.attachments.map(\.contentType) == ["application/pdf", "text/plain", "text/calendar; method=reply"])
        #expect(mail.attachments.map(\.size) == [10, 12, 15])
    }

    @Test("a report is read in groups, and the header of what it is about") func aReportIsReadIn() throws {
        let mail = try parse(
            """
            From: MAILER-DAEMON@example.com
            Content-Type: multipart/report; report-type=delivery-status; boundary=x

            --x

            It failed.
            --x
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.example.com

            Final-Recipient: rfc822; lead@example.org
            Status: 5.1.1
            Diagnostic-Code: smtp; 550 5.1.1
                User unknown

            --x
            Content-Type: message/rfc822

            From: us@example.net
            Message-ID: <ours@example.net>
            Content-Type: text/plain

            the text of ours
            --x--
            """)
        #expect(mail.report?.kind == "delivery-status")
        #expect(mail.report?.groups.count == 2)
        #expect(mail.report?.groups.last?.map(\.name) == ["final-recipient", "status", "diagnostic-code"])
        #expect(mail.report?.groups.last?.last?.value == "smtp; 550 5.1.1 User unknown")
        #expect(mail.original.map(\.name) == ["from", "message-id", "content-type"])
        #expect(mail.text == "It failed.")
    }

    @Test("the header of a mail that is quoted in a text is found, one above an answer is not") func theHeaderOfAMail() throws {
        let bounce = try parse(
            "From: d@example.com\n\nIt failed.\n\nReceived: from a\n by b\nFrom: us@example.net\nMessage-ID: <ours@example.net>\nSubject: Hi\n\nHello\n"
        )
        #expect(bounce.original.map(\.name) == ["received", "from", "message-id", "subject"])
        let answer = try parse("From: d@example.com\n\nYes.\n\nFrom: us@example.net\nSent: Tuesday\nTo: d@example.com\nSubject: Hi\n\nHello\n")
        #expect(answer.original.isEmpty)
    }

    @Test("nothing and too much are errors, garbage is a mail without a header") func nothingAndTooMuchAre() throws {
        #expect(throws: MIMEError.empty) { try ParsedMail.parse([]) }
        var limits = MIMELimits()
        limits.size = 10
        #expect(throws: MIMEError.tooLarge(limit: 10)) { try ParsedMail.parse(Array("Subject: long\n\nx".utf8), limits: limits) }
        let garbage = try ParsedMail.parse((0..<500).map { UInt8($0 * 7 % 256) })
        #expect(garbage.fields.isEmpty)
    }

    @Test("many threads read mails at once") func manyThreadsReadMailsAt() async throws {
        let bytes = Array("From: a@example.com\nSubject: =?koi8-r?B?8NLJ18XU?=\nContent-Type: text/html; charset=koi8-r\n\n<p>x</p>".utf8)
        let subjects = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<200 { group.addTask { try ParsedMail.parse(bytes).subject } }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(subjects.count == 200)
        #expect(Set(subjects) == ["Привет"])
    }
}
