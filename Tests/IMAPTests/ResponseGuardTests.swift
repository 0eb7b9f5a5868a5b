import Testing

@testable import IMAP

@Suite("What a server may say")
struct ResponseGuardTests {
    private func verdict(_ text: String, literals: Int = 1_000, line: Int = 10_000, total: Int = 100_000, pieces: Int = .max) -> ResponseGuard
        .Violation?
    {
        var responses = ResponseGuard(lineLimit: line)
        responses.beginCommand(literalLimit: literals, totalLimit: total)
        let bytes = Array(text.utf8)
        do throws(ResponseGuard.Violation) {
            for start in stride(from: 0, to: bytes.count, by: min(pieces, max(1, bytes.count))) {
                let piece = Array(bytes[start..<min(start + min(pieces, bytes.count), bytes.count)])
                try accept(piece, &responses)
            }
            return nil
        } catch {
            return error
        }
    }

    private func accept(_ bytes: [UInt8], _ responses: inout ResponseGuard) throws(ResponseGuard.Violation) {
        var result: ResponseGuard.Violation?
        bytes.withUnsafeBytes { buffer in
            do throws(ResponseGuard.Violation) {
                try responses.accept(buffer)
            } catch {
                result = error
            }
        }
        if let result { throw result }
    }

    private static let ordinary = """
        * OK [CAPABILITY IMAP4rev1 (odd] it's "fine\r
        * LIST (\\HasNoChildren \\Sent) "/" "Gesendete \\"Elemente\\""\r
        * LIST () "/" {5}\r
        a(b{c\r
        * 1 FETCH (UID 1 BODY[] {12}\r
        ((((((((((((\r
        )\r
        * 2 FETCH (UID 2 BODY[HEADER]<0> {7}\r
        {99999} FLAGS (\\Seen))\r
        * OK the number {4000000000} is in a text\r
        3 OK done\r

        """

    @Test("what servers say passes, in pieces of any size", arguments: [1, 2, 3, 7, 64, Int.max])
    func ordinary(pieces: Int) {
        // The literals in the text have the line ends of the text itself.
        #expect(verdict(Self.ordinary, pieces: pieces) == nil)
    }

    @Test(
        "a length that nobody asked for is refused before its bytes come, however it is written",
        arguments: ["* 1 FETCH (BODY[] {1001}\r\n", "* 1 FETCH (BODY[] {4294967295}\r\n", "* 1 FETCH (BODY[] {99999999999999999999999999}\r\n"])
    func literal(text: String) {
        for pieces in [1, 5, Int.max] { #expect(verdict(text, pieces: pieces) == .literalTooLarge) }
    }

    @Test("a length in the middle of a line, which libetpan would take for a literal, is refused")
    func middle() {
        guard case .malformed = verdict("* 1 FETCH (BODY[] {10}x((((((((((((((((\r\n") else {
            Issue.record("it passed")
            return
        }
    }

    @Test("brackets in brackets are refused where a parser would go deeper with each, in a text's shadow, too")
    func depth() {
        let deep = String(repeating: "(", count: 1_000)
        for text in [
            "* 1 FETCH (BODYSTRUCTURE \(deep)", "* OK {900}\r\n* 1 FETCH \(deep)", "* OK \"\r\n* 1 FETCH \(deep)", "3 OK {900}\r\n* 1 FETCH \(deep)",
        ] {
            guard case .malformed = verdict(text) else {
                Issue.record("it passed: \(text.prefix(40))")
                continue
            }
        }
    }

    @Test("a line without end and an answer without end are refused")
    func endless() {
        #expect(verdict("* SEARCH" + String(repeating: " 1", count: 6_000)) == .lineTooLong)
        #expect(verdict(String(repeating: "* 1 EXISTS\r\n", count: 10_000)) == .tooMuch)
    }

    @Test("the server's words are kept where it refuses, bounded and in one line")
    func words() throws {
        var responses = ResponseGuard(lineLimit: 10_000)
        responses.beginCommand(literalLimit: 10, totalLimit: 100_000)
        try accept(Array("* BYE shutting down\r\n".utf8), &responses)
        #expect(responses.words == "shutting down")
        try accept(Array("P1 NO [AUTHENTICATIONFAILED] wrong\u{7} \(String(repeating: "x", count: 5_000))\r\n".utf8), &responses)
        let words = try #require(responses.words)
        #expect(words.hasPrefix("[AUTHENTICATIONFAILED] wrong  xxx") && words.count <= 500)
        try accept(Array("* 3 EXISTS\r\nP2 OK fine\r\n".utf8), &responses)
        #expect(responses.words == words)
        responses.beginCommand(literalLimit: 10, totalLimit: 100_000)
        #expect(responses.words == nil)
    }
}
