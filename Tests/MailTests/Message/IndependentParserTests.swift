import Foundation
import Mail
import Testing

/// What another implementation reads out of our messages: Python's `email` package.
@Suite struct IndependentParserTests {
    @Test func fullMessage() async throws {
        var message = try MailMessage.sample()
        message.subject = "Grüße aus Zürich: 50 % für Sie — 漢字 und noch ein paar Wörter, damit die Zeile gefaltet werden muss"
        message.from.name = "Grâce \"Amazing\" Höpper, Rear Admiral of the United States Navy and Inventor of Compilers"
        message.to = [try MailAddress("ada@reader.example").named("Lovelace, Ada"), try MailAddress("bob@reader.example").named("Bob B. Bobson")]
        message.replyTo = try MailAddress("replies@sender.example").named("Antworten an Grâce")
        message.text = "Grüße!\n\n.dot\nFrom here\ntrailing blank \n漢字\n" + String(repeating: "long ", count: 300) + "\n"
        message.html = "<html><body><p style=\"color: red\">Grüße &amp; 漢字</p></body></html>\n"
        message.listUnsubscribe = ListUnsubscribe(
            link: "https://penguin.example/u/" + String(repeating: "t", count: 100),
            mailto: try MailAddress("stop@sender.example"))
        message.references = ["one@sender.example", String(repeating: "r", count: 90) + "@sender.example"]
        let parsed = try await ParsedMail.parse(try message.serialized())
        #expect(parsed.defects == [])
        #expect(parsed.subject == message.subject)
        #expect(parsed.from == [.init(name: message.from.name ?? "", address: "grace@sender.example")])
        #expect(parsed.to.map(\.name) == ["Lovelace, Ada", "Bob B. Bobson"])
        #expect(parsed.to.map(\.address) == ["ada@reader.example", "bob@reader.example"])
        #expect(parsed.replyTo == [.init(name: "Antworten an Grâce", address: "replies@sender.example")])
        #expect(parsed.date == "2026-11-05T10:00:00+00:00")
        #expect(parsed.messageIdentifier == "<0198c5f0.1@sender.example>")
        #expect(parsed.unsubscribe == "<https://penguin.example/u/\(String(repeating: "t", count: 100))>, <mailto:stop@sender.example>")
        #expect(parsed.unsubscribePost == "List-Unsubscribe=One-Click")
        #expect(parsed.references == message.references.map { "<\($0)>" }.joined(separator: " "))
        #expect(parsed.type == "multipart/alternative")
        #expect(parsed.text == message.text)
        #expect(parsed.html == message.html)
    }

    @Test(arguments: [
        "plain", "Umlaute: ä\n", "日本語\nの\n", String(repeating: "y", count: 3000) + "\n", "control \u{1} character, and some more words\n",
    ])
    func singlePart(text: String) async throws {
        var message = try MailMessage.sample()
        message.subject = "  blanks  at both ends "
        message.text = text
        let parsed = try await ParsedMail.parse(try message.serialized())
        #expect(parsed.defects == [])
        #expect(parsed.type == "text/plain")
        #expect(parsed.subject == message.subject)
        // A text without a last line end gets the one that every mail ends with.
        #expect(parsed.text == (text.hasSuffix("\n") ? text : text + "\n"))
        #expect(parsed.html == nil)
    }

    @Test(arguments: [
        "Grace", "Grace Hopper", "Grace (Navy)", "O'Neil \\ \"G\"", "=?utf-8?q?trick?=", "Grâce", "Müller, Jörg", "a@b.example",
        "漢字 漢字 漢字 漢字 漢字 漢字 漢字",
    ])
    func displayName(name: String) async throws {
        var message = try MailMessage.sample()
        message.from.name = name
        let parsed = try await ParsedMail.parse(try message.serialized())
        #expect(parsed.from == [.init(name: name, address: "grace@sender.example")])
        #expect(parsed.defects == [])
    }
}
