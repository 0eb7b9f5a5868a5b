import Foundation
import TestSupport
import Testing

@testable import Mail

/// What was signed cannot be changed unseen.
@Suite("DKIM: changes are seen")
struct DKIMMutationTests {
    private func message() throws -> [UInt8] {
        var message = try MailMessage.sample()
        message.text = "Hello Ada,\nthis is short.\n"
        message.listUnsubscribe = ListUnsubscribe(link: "https://p.example/u/t")
        message.additionalHeaders = [MailHeader("X-Other", "free")]
        return try message.serialized()
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Another letter or digit, and not the same one in another case.
    private static func changed(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "x"), UInt8(ascii: "X"): UInt8(ascii: "y")
        default: UInt8(ascii: "x")
        }
    }

    @Test("any letter or digit of the signed fields and of the body, changed, fails both signatures; other fields are free")
    func bytes() async throws {
        let message = try message()
        let signed = try DKIMGround.signed(message)
        let offset = signed.count - message.count
        let header = try message.withUnsafeBufferPointer { try DKIMHeader($0) }
        let other = try #require(header.fields.first { message[$0.start..<$0.colon].elementsEqual("X-Other".utf8) })
        var variants: [[UInt8]] = []
        var areFree: [Bool] = []
        for index in message.indices where Self.isLetterOrDigit(message[index]) {
            var variant = signed
            variant[offset + index] = Self.changed(variant[offset + index])
            variants.append(variant)
            areFree.append((other.start..<other.end).contains(index))
        }
        #expect(variants.count > 250 && areFree.contains(true))
        let verdicts = try await IndependentDKIM.verdicts(of: variants, zone: try DKIMGround.zone())
        let wrong = zip(verdicts, areFree).filter { $0 != [$1, $1] }
        #expect(wrong.isEmpty, "\(wrong.count) of \(variants.count)")
    }

    @Test("any letter or digit of a signature, changed, fails that signature and not the other")
    func signatures() async throws {
        let signed = try DKIMGround.signed(try message())
        let header = try signed.withUnsafeBufferPointer { try DKIMHeader($0) }
        var variants: [[UInt8]] = []
        var expected: [[Bool]] = []
        for number in 0..<2 {
            let field = header.fields[number]
            // The last letter of Base64 before its padding holds bits that nobody reads.
            let last = try #require(signed[field.colon..<field.end].lastIndex(where: Self.isLetterOrDigit))
            for index in field.colon + 1..<last where Self.isLetterOrDigit(signed[index]) {
                var variant = signed
                variant[index] = Self.changed(variant[index])
                variants.append(variant)
                expected.append(number == 0 ? [false, true] : [true, false])
            }
        }
        #expect(variants.count > 600)
        let verdicts = try await IndependentDKIM.verdicts(of: variants, zone: try DKIMGround.zone())
        let wrong = zip(verdicts, expected).filter { $0 != $1 }
        #expect(wrong.isEmpty, "\(wrong.count) of \(variants.count)")
    }

    @Test(
        "a field that a reader acts upon cannot be added, above or below",
        arguments: DKIMSignedHeaders.names.map(\.text).filter { !["In-Reply-To", "References", "List-Id", "Feedback-ID"].contains($0) })
    func added(name: String) async throws {
        let message = try message()
        let signed = try DKIMGround.signed(message)
        let addition = Array("\(name): <https://evil.example/>\r\n".utf8)
        let body = try signed.withUnsafeBufferPointer { try DKIMHeader($0).bodyStart }
        let below = signed[..<(body - 2)] + addition + signed[(body - 2)...]
        let verdicts = try await IndependentDKIM.verdicts(of: [addition + signed, Array(below)], zone: try DKIMGround.zone())
        #expect(verdicts == [[false, false], [false, false]])
    }

    @Test("what relays do on the way, folding and spacing anew or ending with empty lines, is no change")
    func harmless() async throws {
        let signed = String(decoding: try DKIMGround.signed(try message()), as: UTF8.self)
        let variants = [
            "Received: from relay.example by mx.example\r\n" + signed, signed + "\r\n\r\n", signed.replacing("Subject: ", with: "subject:\r\n\t "),
            signed.replacing("short.", with: "short. \t "), signed.replacing("Hello Ada", with: "Hello \t Ada"),
        ]
        #expect(Set(variants).count == 5 && !variants.contains(signed))
        let verdicts = try await IndependentDKIM.verdicts(of: variants.map { Array($0.utf8) }, zone: try DKIMGround.zone())
        #expect(verdicts == [[Bool]](repeating: [true, true], count: 5))
    }

    @Test("removed fields and a signature without its record are seen")
    func removed() async throws {
        let signed = String(decoding: try DKIMGround.signed(try message()), as: UTF8.self)
        let without = signed.replacing("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", with: "")
        #expect(without != signed)
        #expect(try await IndependentDKIM.verdicts(of: [Array(without.utf8)], zone: try DKIMGround.zone()) == [[false, false]])
        #expect(try await IndependentDKIM.verdicts(of: [Array(signed.utf8)], zone: [:]) == [[false, false]])
    }
}
