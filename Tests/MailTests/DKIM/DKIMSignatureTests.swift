import CryptoExtras
import Foundation
import TestSupport
import Testing

@testable import Mail

/// Every signature here is verified by another implementation.
@Suite("DKIM: signatures that others verify")
struct DKIMSignatureTests {
    private func sample(_ change: (inout MailMessage) throws -> Void) throws -> [UInt8] {
        var message = try MailMessage.sample()
        message.listUnsubscribe = ListUnsubscribe(link: "https://penguin.example/u/token")
        try change(&message)
        return try message.serialized()
    }

    @Test("composed mail verifies: folded headers, UTF-8 headers, long lines, 8-bit text, HTML, threads, no text, dots, empty lines at the end")
    func composed() async throws {
        try await DKIMGround.expectVerified([
            "sample": try sample { _ in },
            "folded subject": try sample { $0.subject = String(repeating: "many words that fold ", count: 30) },
            "UTF-8 headers": try sample {
                $0.subject = "Grüße aus Zürich — 漢字 und noch ein paar Wörter, damit die Zeile gefaltet werden muss"
                $0.from.name = "Grâce \"Amazing\" Höpper, Rear Admiral"
            },
            "many recipients": try sample { mail in mail.to = try (0..<30).map { try MailAddress("reader\($0)@reader.example").named("Reader \($0)") }
            },
            "long lines": try sample { $0.text = String(repeating: "x", count: 3_000) + "\n" + String(repeating: "ü ", count: 1_500) },
            "8-bit text": try sample { $0.text = "Grüße\n\u{A0}\n漢字 漢字\n" },
            "HTML": try sample { $0.html = "<p>Grüße &amp;\t漢字   </p>\n\n" },
            "no text": try sample { $0.text = "" },
            "empty lines": try sample { $0.text = "one\n\n\n \n\t\n\n" },
            "dots": try sample { $0.text = ".\n..\n.dot\n" },
            "a thread": try sample {
                $0.references = (0..<20).map { "\(String(repeating: "r", count: 40))\($0)@sender.example" }
                $0.inReplyTo = $0.references.last
                $0.replyTo = try MailAddress("replies@sender.example").named("Antworten")
                $0.additionalHeaders = [MailHeader("Feedback-ID", "campaign:tenant:penguin"), MailHeader("List-Id", "<list.sender.example>")]
            },
            "a long link": try sample {
                $0.listUnsubscribe = ListUnsubscribe(
                    link: "https://penguin.example/u/" + String(repeating: "t", count: 600), mailto: try MailAddress("stop@sender.example"))
            },
        ])
    }

    @Test("mail that we did not compose verifies too: raw 8-bit, lines of any length, no body, repeated fields, empty fields")
    func raw() async throws {
        let head = "Date: Thu, 05 Nov 2026 10:00:00 +0000\r\nFrom: a@sender.example\r\nTo: b@x.example\r\n"
        var messages = [
            "no body, no empty line": Array(head.utf8),
            "no body": Array("\(head)\r\n".utf8),
            "only empty lines": Array("\(head)\r\n\r\n\r\n \t\r\n".utf8),
            "no last line end": Array("\(head)\r\nhello".utf8),
            "a long line": Array("\(head)\r\n\(String(repeating: "y", count: 5_000))\r\n".utf8),
            "two of a field": Array("\(head)Subject: one\r\nsubject:two\r\nSUBJECT:\tthree \r\n\tand more\r\nReceived: x\r\n\r\nbody\r\n".utf8),
            "two senders": Array("From: z@sender.example\r\n\(head)\r\nbody\r\n".utf8),
            "an empty field": Array("\(head)Subject:\r\nCc: \r\n\r\nbody\r\n".utf8),
            "blanks": Array("\(head)Subject:  a \t b  \r\n   c\t\r\n\r\n  lead\r\n\ttab  tab\t\r\n\r\nend \r\n\r\n".utf8),
        ]
        messages["8-bit bytes"] = Array("\(head)Subject: ä\r\n\r\n".utf8) + [0xFF, 0xC3, 0x28, 0x0D, 0x0A]
        try await DKIMGround.expectVerified(messages)
    }

    @Test("mail of any form verifies")
    func anyMail() async throws {
        var messages: [String: [UInt8]] = [:]
        for seed in 0..<60 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let words = ["a", "Bc", "ü", "\t", " ", "  ", "\r\n ", "\r\n\t ", "=?utf-8?q?x?=", ";", "b=", String(repeating: "l", count: 80)]
            func text(_ limit: Int) -> String {
                (0..<Int.random(in: 0...limit, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }.joined()
            }
            let names = DKIMSignedHeaders.names.map(\.text) + ["X-Other", "Received", "subject", "TO"]
            var fields = (0..<Int.random(in: 0...12, using: &random)).map { _ in "\(names.randomElement(using: &random) ?? "To"): v\(text(8))v" }
            fields.insert("From: a@sender.example", at: Int.random(in: 0...fields.count, using: &random))
            let body = text(60).replacing("\r\n ", with: "\r\n")
            messages["seed \(seed)"] = Array((fields.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
        }
        try await DKIMGround.expectVerified(messages)
    }

    @Test("two signatures, RSA first, each says what it covers, when it was made, and keeps to 78 columns")
    func form() throws {
        let message = try sample { $0.references = ["one@sender.example"] }
        let signed = try DKIMGround.signer(lifetime: 7 * 86_400).signed(message, at: DKIMGround.instant)
        #expect(signed.suffix(message.count).elementsEqual(message))
        let rsa = try DKIMSignatureText(signed)
        let other = try DKIMSignatureText(signed, number: 1)
        for (signature, algorithm, selector) in [(rsa, "rsa-sha256", "rsa2026"), (other, "ed25519-sha256", "ed2026")] {
            #expect(signature.lines.allSatisfy { $0.utf8.count < 78 }, "\(signature.lines)")
            #expect(signature.tags["v"] == "1" && signature.tags["c"] == "relaxed/relaxed" && signature.tags["d"] == "sender.example")
            #expect(signature.tags["a"] == algorithm && signature.tags["s"] == selector)
            #expect(signature.tags["t"] == "1793872800" && signature.tags["x"] == "1794477600")
            #expect(signature.tags["l"] == nil)
        }
        #expect(rsa.tags["bh"] == other.tags["bh"])
        let listed = try #require(rsa.tags["h"]).components(separatedBy: ":")
        #expect(listed == other.tags["h"]?.components(separatedBy: ":"))
        let counts = Dictionary(grouping: listed) { $0 }.mapValues(\.count)
        // Once more than the mail has them; what a reader acts upon also where the mail has none.
        #expect(
            counts == [
                "From": 2, "To": 2, "Subject": 2, "Date": 2, "Message-ID": 2, "References": 2, "MIME-Version": 2, "Content-Type": 2,
                "Content-Transfer-Encoding": 2, "List-Unsubscribe": 2, "List-Unsubscribe-Post": 2, "Cc": 1, "Reply-To": 1,
            ])
        #expect(try DKIMSignatureText(DKIMGround.signed(message)).tags["x"] == nil)
        // The longest names that there are stay within what a line may have.
        let label = String(repeating: "d", count: 63)
        let longest = DKIMSigner(domain: [label, label, label, "example"].joined(separator: "."), keys: try DKIMGround.keys.get())
        #expect(try DKIMSignatureText(longest.signed(message, at: DKIMGround.instant)).lines.allSatisfy { $0.utf8.count <= 998 })
    }

    @Test("what cannot be signed is said")
    func refusals() throws {
        #expect(throws: DKIMError.missingFrom) { try DKIMGround.signed(Array("To: b@x.example\r\n\r\nhello\r\n".utf8)) }
        #expect(throws: DKIMError.malformedHeader) { try DKIMGround.signed(Array("From: a@x.example\r\nnonsense\r\n\r\n".utf8)) }
        #expect(throws: DKIMError.unusableKey(selector: "s")) { try DKIMKey(selector: "s", algorithm: .ed25519, secret: Data([1, 2, 3])) }
        let short = try _RSA.Signing.PrivateKey(unsafeKeySize: _RSA.Signing.KeySize(bitCount: 1_024)).pkcs8DERRepresentation
        #expect(throws: DKIMError.unusableKey(selector: "s")) { try DKIMKey(selector: "s", algorithm: .rsa, secret: short) }
    }

    @Test("a key that was stored signs as before", arguments: DKIMKey.Algorithm.allCases)
    func stored(algorithm: DKIMKey.Algorithm) async throws {
        let key = try #require(try DKIMGround.keys.get().first { $0.algorithm == algorithm })
        let again = try DKIMKey(selector: key.selector, algorithm: algorithm, secret: key.secret)
        #expect(again.publicKey == key.publicKey)
        let signed = try DKIMSigner(domain: DKIMGround.domain, keys: [again]).signed(try sample { _ in }, at: DKIMGround.instant)
        #expect(try await IndependentDKIM.verdicts(of: [signed], zone: try DKIMGround.zone()) == [[true]])
    }
}
