import Foundation
import Testing

@testable import Mail

@Suite struct EncodedWordTests {
    @Test func shortTextIsReadable() {
        #expect(EncodedWord.words(for: "Grüße aus Zürich") == ["=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_Z=C3=BCrich?="])
    }

    @Test func mostlyForeignTextIsBase64() {
        #expect(EncodedWord.words(for: "日本語") == ["=?utf-8?b?5pel5pys6Kqe?="])
    }

    @Test(arguments: [
        String(repeating: "ü", count: 300), String(repeating: "日本語", count: 60), String(repeating: "👩‍👩‍👧‍👦 ", count: 20),
        String(repeating: "plain = text? ", count: 30), "=?utf-8?q?not_an_encoded_word?=", " \t ", "é",
    ])
    func wordsKeepTheLimitAndTheText(text: String) throws {
        for firstLimit in [40, 64, 75] {
            let words = EncodedWord.words(for: text, firstLimit: firstLimit)
            #expect(words.allSatisfy { $0.utf8.count <= 75 })
            #expect(words[0].utf8.count <= firstLimit)
            // Each word is valid UTF-8 by itself, so no code point is split.
            #expect(try words.map { try #require(decode($0)) }.joined() == text)
        }
    }

    private func decode(_ word: String) -> String? {
        let parts = word.split(separator: "?", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "=", parts[1] == "utf-8", parts[4] == "=" else { return nil }
        if parts[2] == "b" { return Data(base64Encoded: String(parts[3])).flatMap { String(data: $0, encoding: .utf8) } }
        return parts[3].replacing("_", with: " ").replacing("=", with: "%").removingPercentEncoding
    }
}

@Suite struct TransferEncodingTests {
    @Test(arguments: [
        ("a=b", "a=3Db"),
        ("tab\t\r\nspace \r\nend ", "tab=09\r\nspace=20\r\nend=20"),
        ("in the middle\tof a line", "in the middle\tof a line"),
        ("Zürich\r\n\r\n.\r\n", "Z=C3=BCrich\r\n\r\n.\r\n"),
        ("\u{0}\u{7F}", "=00=7F"),
        (String(repeating: "x", count: 76), String(repeating: "x", count: 76)),
        (String(repeating: "x", count: 77), String(repeating: "x", count: 75) + "=\r\nxx"),
        (String(repeating: "x", count: 74) + "ü", String(repeating: "x", count: 74) + "=\r\n=C3=BC"),
        ("", ""),
    ])
    func quotedPrintable(text: String, encoded: String) {
        #expect(String(decoding: QuotedPrintable.encoded(Array(text.utf8)), as: UTF8.self) == encoded)
    }

    @Test(arguments: [
        ("plain\r\ntext\t\r\n", TransferEncoding.sevenBit),
        (String(repeating: "x", count: 998) + "\r\n", .sevenBit),
        (String(repeating: "x", count: 999) + "\r\n", .quotedPrintable),
        ("Grüße aus Zürich, der Stadt am See", .quotedPrintable),
        ("日本語の本文", .base64),
        ("bell\u{7}, and a few words more", .quotedPrintable),
    ])
    func choice(text: String, encoding: TransferEncoding) {
        #expect(TransferEncoding(for: Array(text.utf8)) == encoding)
    }

    @Test(arguments: [String(repeating: "日本語の本文\r\n", count: 40), String(repeating: "ä und noch viel mehr Text ", count: 100)])
    func encodedLinesAreShort(text: String) {
        let bytes = Array(text.utf8)
        let encoded = TransferEncoding(for: bytes).encoded(bytes)
        #expect(encoded.allSatisfy { $0 < 0x80 })
        #expect(String(decoding: encoded, as: UTF8.self).split(separator: "\r\n").allSatisfy { $0.utf8.count <= 76 })
    }

    @Test(arguments: [("a\nb", "a\r\nb"), ("a\rb", "a\r\nb"), ("a\r\nb\r\n", "a\r\nb\r\n"), ("\n\r", "\r\n\r\n"), ("", "")])
    func lineEnds(text: String, canonical: String) {
        #expect([UInt8](linesOf: text) == Array(canonical.utf8))
    }
}

@Suite struct MessageDateTests {
    @Test(arguments: [
        (0.0, "Thu, 01 Jan 1970 00:00:00 +0000"), (-1, "Wed, 31 Dec 1969 23:59:59 +0000"), (1_793_872_800, "Thu, 05 Nov 2026 10:00:00 +0000"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"), (4_107_542_399.9, "Sun, 28 Feb 2100 23:59:59 +0000"),
        (-2_208_988_800, "Mon, 01 Jan 1900 00:00:00 +0000"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 +0000"),
    ])
    func text(seconds: Double, expected: String) {
        #expect(MessageDate.text(Date(timeIntervalSince1970: seconds)) == expected)
    }

    @Test(arguments: [-2_208_988_801.0, 253_402_300_800, .infinity, .nan])
    func outOfRange(seconds: Double) {
        #expect(MessageDate.text(Date(timeIntervalSince1970: seconds)) == nil)
    }

    @Test func agreesWithTheCalendar() {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for day in stride(from: 0.0, to: 40_000, by: 13) {
            let date = Date(timeIntervalSince1970: day * 86_400 + day)
            let parts = calendar.dateComponents([.year, .day, .hour, .minute, .second], from: date)
            let words = MessageDate.text(date)?.split(whereSeparator: { " :".contains($0) }).map(String.init) ?? []
            #expect(
                [Int(words[1]), Int(words[3]), Int(words[4]), Int(words[5]), Int(words[6])]
                    == [parts.day, parts.year, parts.hour, parts.minute, parts.second])
        }
    }
}
