import Foundation
import Mail
import Testing

@Suite struct MailMessageTests {
    @Test func plainMessageByteForByte() throws {
        var message = try MailMessage.sample()
        message.subject = "Hello"
        message.text = "Hi Ada,\nhow are you?\n"
        #expect(
            String(decoding: try message.serialized(), as: UTF8.self) == """
                Date: Thu, 05 Nov 2026 10:00:00 +0000\r
                From: Grace <grace@sender.example>\r
                To: ada@reader.example\r
                Subject: Hello\r
                Message-ID: <0198c5f0.1@sender.example>\r
                MIME-Version: 1.0\r
                Content-Type: text/plain; charset=utf-8\r
                Content-Transfer-Encoding: 7bit\r
                \r
                Hi Ada,\r
                how are you?\r

                """)
    }

    @Test func theSameValueGivesTheSameBytes() throws {
        var message = try MailMessage.sample()
        message.html = "<p>Grüße</p>"
        #expect(try message.serialized() == message.serialized())
        let first = try message.serialized()
        message.messageIdentifier = "0198c5f0.2@sender.example"
        #expect(try message.serialized() != first)
    }

    @Test func unsubscribeHeaders() throws {
        var message = try MailMessage.sample()
        message.listUnsubscribe = ListUnsubscribe(
            link: "https://penguin.example/u/abc", mailto: try MailAddress("stop+a%b@sender.example"))
        let lines = try lines(of: message)
        #expect(lines.contains("List-Unsubscribe: <https://penguin.example/u/abc>,"))
        #expect(lines.contains(" <mailto:stop+a%25b@sender.example>"))
        #expect(lines.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"))
    }

    @Test func oneClickNeedsHTTPS() throws {
        var message = try MailMessage.sample()
        let link = "http://penguin.example/u/abc"
        message.listUnsubscribe = ListUnsubscribe(link: link)
        #expect(throws: MailMessageError.invalidUnsubscribeLink) { try message.serialized() }
        message.listUnsubscribe = ListUnsubscribe(link: link, oneClick: false)
        #expect(try !lines(of: message).contains { $0.hasPrefix("List-Unsubscribe-Post") })
    }

    @Test(arguments: ["\r\nBcc: eve@example.com", "\n", "\r", "\0"])
    func headerInjection(poison: String) throws {
        let sample = try MailMessage.sample()
        func refused(_ header: String, _ change: (inout MailMessage) -> Void) {
            var message = sample
            change(&message)
            #expect(throws: MailMessageError.lineBreak(header: header)) { try message.serialized() }
        }
        refused("Subject") { $0.subject = "Hello\(poison)" }
        refused("Subject") { $0.subject = "Grüße\(poison)" }
        refused("From") { $0.from.name = "Grace\(poison)" }
        refused("To") { $0.to[0].name = "Ada\(poison)" }
        refused("Reply-To") { $0.replyTo = $0.from.address.named("Grace\(poison)") }
        refused("X-Campaign") { $0.additionalHeaders = [MailHeader("X-Campaign", "a\(poison)")] }
    }

    @Test(arguments: ["id", "a@b@c", "<a@b>", "a b@c", "@b", "a@", "a@b\r\nBcc: c@d.example", "ä@b"])
    func messageIdentifierIsChecked(identifier: String) throws {
        var message = try MailMessage.sample()
        message.messageIdentifier = identifier
        #expect(throws: MailMessageError.invalidMessageIdentifier) { try message.serialized() }
    }

    @Test func threadHeaders() throws {
        var message = try MailMessage.sample()
        #expect(try !lines(of: message).contains { $0.hasPrefix("In-Reply-To") || $0.hasPrefix("References") })
        message.references = (0..<60).map { "\($0).0198c5f00198c5f00198c5f00198c5f0@sender.example" }
        message.inReplyTo = message.references.last
        let lines = try lines(of: message)
        #expect(lines.contains("In-Reply-To: <59.0198c5f00198c5f00198c5f00198c5f0@sender.example>"))
        #expect(lines.allSatisfy { $0.utf8.count <= 78 })
        let header = lines.drop { !$0.hasPrefix("References: ") }
        let folded = header.prefix(1) + header.dropFirst().prefix { $0.hasPrefix(" ") }
        #expect(folded.joined() == "References: " + message.references.map { "<\($0)>" }.joined(separator: " "))
    }

    @Test(arguments: ["id", "a@b@c", "a@b> <c@d", "a@b\r\nBcc: c@d.example"])
    func threadIdentifiersAreChecked(identifier: String) throws {
        var message = try MailMessage.sample()
        message.references = ["good@sender.example", identifier]
        #expect(throws: MailMessageError.invalidMessageIdentifier) { try message.serialized() }
        message.references = []
        message.inReplyTo = identifier
        #expect(throws: MailMessageError.invalidMessageIdentifier) { try message.serialized() }
    }

    @Test(arguments: ["Subject", "CONTENT-TYPE", "Bcc", "References", "In-Reply-To", "a b", "a:b", "", "ä", "X\r\nY"])
    func additionalHeadersAreChecked(name: String) throws {
        var message = try MailMessage.sample()
        message.additionalHeaders = [MailHeader(name, "value")]
        #expect(throws: MailMessageError.headerNotAllowed(name)) { try message.serialized() }
    }

    @Test func otherErrors() throws {
        var message = try MailMessage.sample()
        message.date = .distantFuture.addingTimeInterval(1e12)
        #expect(throws: MailMessageError.invalidDate) { try message.serialized() }
        message = try MailMessage.sample()
        message.to = []
        #expect(throws: MailMessageError.noRecipient) { try message.serialized() }
        message = try MailMessage.sample()
        message.listUnsubscribe = ListUnsubscribe(link: "https://a.example/" + String(repeating: "a", count: 1000))
        #expect(throws: MailMessageError.lineTooLong(header: "List-Unsubscribe")) { try message.serialized() }
    }

    @Test func everyLineIsShortASCIIAndEndsInCRLF() throws {
        var message = try MailMessage.sample()
        message.subject = String(repeating: "Ünïcödé wörds and 漢字 ", count: 40)
        message.text = String(repeating: "x", count: 5000) + "\n.\n\r\r\n" + String(repeating: "ü", count: 2000)
        message.html = String(repeating: "漢字", count: 3000)
        message.to = try (0..<60).map { number in
            try MailAddress("recipient\(number)@reader.example").named(number.isMultiple(of: 2) ? "Ädä \(number)" : "A. \"\(number)\" L")
        }
        let bytes = try message.serialized()
        #expect(bytes.allSatisfy { $0 < 0x80 })
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasSuffix("\r\n"))
        #expect(!text.replacing("\r\n", with: "").utf8.contains { $0 == 0x0A || $0 == 0x0D })
        #expect(text.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }

    @Test func boundaryThatOccursInTheTextIsNotUsed() throws {
        var message = try MailMessage.sample()
        message.html = "<p>Hello</p>"
        let usual = try boundary(of: message)
        message.text = "--\(usual)\nnot a new part"
        let other = try boundary(of: message)
        #expect(other != usual)
        #expect(try lines(of: message).filter { $0.hasPrefix("--\(other)") } == ["--\(other)", "--\(other)", "--\(other)--"])
    }

    private func boundary(of message: MailMessage) throws -> String {
        let line = try #require(try lines(of: message).first { $0.contains("boundary=") })
        return String(line.split(separator: "\"")[1])
    }

    private func lines(of message: MailMessage) throws -> [String] {
        String(decoding: try message.serialized(), as: UTF8.self).components(separatedBy: "\r\n")
    }
}
