import NIOCore
import Testing

@testable import Mail

@Suite struct SMTPReplyParserTests {
    private func parse(_ chunks: [String]) throws -> [SMTPReply] {
        var parser = SMTPReplyParser()
        var replies: [SMTPReply] = []
        for chunk in chunks {
            var bytes = ByteBuffer(string: chunk)
            parser.append(&bytes)
            while let reply = try parser.next() { replies.append(reply) }
        }
        return replies
    }

    @Test(arguments: [
        ("250 OK\r\n", 250, ["OK"]), ("250\r\n", 250, [""]), ("250 \r\n", 250, [""]), ("354 go on\n", 354, ["go on"]),
        ("250-one\r\n250-two\r\n250 three\r\n", 250, ["one", "two", "three"]), ("250-a\n250 b\r\n", 250, ["a", "b"]),
        ("550 5.1.1 no\u{7}such\tuser\r\n", 550, ["5.1.1 no such user"]), ("220 Grüezi\r\n", 220, ["Grüezi"]), ("250-\r\n250\r\n", 250, ["", ""]),
    ])
    func wellFormed(text: String, code: Int, lines: [String]) throws {
        let expected = SMTPReply(code: code, lines: lines)
        #expect(try parse([text]) == [expected])
        #expect(try parse(text.unicodeScalars.map(String.init)) == [expected])
        #expect(try parse([text + text + text]) == [expected, expected, expected])
    }

    @Test func badUTF8IsReplaced() throws {
        var parser = SMTPReplyParser()
        var bytes = ByteBuffer(bytes: Array("250 ".utf8) + [0xFF, 0x0D, 0x0A])
        parser.append(&bytes)
        #expect(try parser.next()?.lines == ["\u{FFFD}"])
    }

    @Test(arguments: ["hello\r\n", "25 x\r\n", "25a x\r\n", "250_x\r\n", "150 x\r\n", "600 x\r\n", "\r\n", "250-a\r\n251 b\r\n", "250-a\r\nb\r\n"])
    func malformed(text: String) {
        #expect(throws: SMTPReplySyntaxError.self) { try parse([text]) }
    }

    @Test func limits() throws {
        let longest = "250 " + String(repeating: "x", count: SMTPReplyParser.lineLimit - 5)
        #expect(try parse([longest + "\r\n"]).count == 1)
        #expect(throws: SMTPReplySyntaxError.self) { try parse([longest + "xx\r\n"]) }
        // Without a line end in sight, the limit holds all the same.
        #expect(throws: SMTPReplySyntaxError.self) { try parse(Array(repeating: "250 " + String(repeating: "x", count: 996), count: 5)) }
        let most = String(repeating: "250-x\r\n", count: SMTPReplyParser.lineCountLimit - 1)
        #expect(try parse([most, "250 x\r\n"]).count == 1)
        #expect(throws: SMTPReplySyntaxError.self) { try parse([most, "250-x\r\n", "250 x\r\n"]) }
    }

    @Test func knowsWhetherSomethingIsLeft() throws {
        var parser = SMTPReplyParser()
        var bytes = ByteBuffer(string: "220 go\r\n2")
        #expect(parser.isEmpty)
        parser.append(&bytes)
        _ = try parser.next()
        #expect(!parser.isEmpty)
        bytes = ByteBuffer(string: "50-x\r\n")
        parser.append(&bytes)
        #expect(try parser.next() == nil)
        #expect(!parser.isEmpty)
    }

    @Test(arguments: [
        (550, "5.1.1 no such user", "5.1.1"), (450, "4.7.28 slow down", "4.7.28"), (250, "2.0.0", "2.0.0"), (550, "4.1.1 other class", nil),
        (452, "4.2 GB used", nil), (550, "5.1.1111 x", nil), (550, "5..1 x", nil), (550, "", nil), (550, "no 5.1.1", nil),
    ])
    func enhancedStatus(code: Int, text: String, expected: String?) {
        #expect(SMTPReply(code: code, lines: [text]).enhancedStatus?.description == expected)
    }
}
