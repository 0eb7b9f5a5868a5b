import Foundation
import MIME
import Testing

/// What an attacker can write in a few megabytes must not cost more than they.
struct MIMELimitsTests {
    private static let head = "From: a@example.com\nSubject: x\n"
    private static let size = 4 << 20

    private func bytes(_ head: String, _ pattern: String, _ count: Int, _ tail: String = "") -> [UInt8] {
        Array((head + String(repeating: pattern, count: count) + tail).utf8)
    }

    @Test("a million fields, parts, addresses or enclosed mails are cut off, not kept") func aMillionFieldsPartsAddresses() throws {
        let limits = MIMELimits()
        let fields = try ParsedMail.parse(bytes(Self.head, "a:\n", Self.size / 3))
        #expect(fields.fields.count == limits.fields)
        let addresses = try ParsedMail.parse(bytes(Self.head + "To: ", "a@b,", Self.size / 4, "\n\nhi"))
        #expect(addresses.to.count <= 500 && addresses.text == "hi")
        let parts = try ParsedMail.parse(
            bytes(Self.head + "Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: image/png\n\nx\n", 100_000))
        #expect(parts.attachments.count == limits.attachments)
        let mails = try ParsedMail.parse(bytes(Self.head, "Content-Type: message/rfc822\n\n", 100_000))
        #expect(mails.attachments.count == 1)
    }

    @Test("thousands of parts within parts and groups within groups do not use up the stack") func thousandsOfPartsWithinParts() throws {
        let nested = (0..<5_000).map { "Content-Type: multipart/mixed; boundary=b\($0)\n\n--b\($0)\n" }.joined()
        #expect(try ParsedMail.parse(Array((Self.head + nested).utf8)).subject == "x")
        let groups = try ParsedMail.parse(bytes(Self.head + "To: ", "a:", 16_000, "\n\nhi"))
        #expect(groups.text == "hi")
        let comments = try ParsedMail.parse(bytes(Self.head + "To: ", "(", 30_000, "\n\nhi"))
        #expect(comments.text == "hi")
    }

    @Test("deep and late parts are left out") func deepAndLatePartsAre() throws {
        let nested = (0..<40).map { "Content-Type: multipart/mixed; boundary=b\($0)\n\n--b\($0)\n" }.joined()
        #expect(try ParsedMail.parse(Array((Self.head + nested + "Content-Type: text/plain\n\ndeep").utf8)).text.isEmpty)
        let wide = bytes(
            Self.head + "Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: image/png\n\nx\n", 300, "--b\n\nlate\n--b--\n")
        #expect(try ParsedMail.parse(wide).text.isEmpty)
    }

    @Test("text and HTML are cut at a character") func textAndHTMLAreCut() throws {
        var limits = MIMELimits()
        limits.text = 10
        limits.html = 21
        let mail = try ParsedMail.parse(Array((Self.head + "Content-Type: text/plain; charset=utf-8\n\nGrüßeüüüüü").utf8), limits: limits)
        #expect(mail.text == "Grüßeü")
        let html = try ParsedMail.parse(Array((Self.head + "Content-Type: text/html; charset=utf-8\n\n<p>abcdefghijklmnüü</p>").utf8), limits: limits)
        #expect(html.html == "<p>abcdefghijklmnüü")
        #expect(html.text == "abcdefghij")
    }

    @Test("a field longer than the limit is shortened and the next one is read") func aFieldLongerThanThe() throws {
        let mail = try ParsedMail.parse(bytes("Subject: ", "y", 100_000, "\nFrom: a@example.com\nTo: b@example.com\n\nhi"))
        #expect(mail.subject.utf8.count <= MIMELimits().fieldBytes && mail.subject.utf8.count > 30_000)
        #expect(mail.from.first?.address == "a@example.com")
        #expect(mail.text == "hi")
    }

    @Test("a mail within the limits passes unchanged, with dashes, long lines and all") func aMailWithinTheLimits() throws {
        let text = "-- \nsignature\n--- a/file\n+++ b/file\n" + String(repeating: "long ", count: 5_000) + "\n\nboundary message/rfc822 boundary"
        let mail = try ParsedMail.parse(Array((Self.head + "\n" + text).utf8))
        #expect(mail.text == text)
    }
}
