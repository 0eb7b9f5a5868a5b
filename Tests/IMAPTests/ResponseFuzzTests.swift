import TestSupport
import Testing

@testable import IMAP

/// What mailbox servers say, broken: judged alike in pieces of any size, and what passes is never deeper or larger than the reader behind can bear.
@Suite("Foreign bytes: answers of mailbox servers")
struct ResponseFuzzTests {
    private static let tokens = [
        "* ", "(", ")", "((((((((((((((((((((((((((", "))))))))", "{5}\r\n", "{1000}\r\n", "{99999999}", "\"", "\\\"", "\r\n", "* OK ", "* BYE ",
        "* 1 FETCH (", "BODY[] ", "3 OK done\r\n",
    ]

    @Test("an answer is judged the same however it was cut, and what passes is within the limits")
    func answers() throws {
        for input in try FuzzRun("imap", tokens: Self.tokens) {
            var input = input
            let before = threadSeconds()
            let whole = Self.judge(input.bytes, in: input.bytes.isEmpty ? [] : [0..<input.bytes.count])
            let cut = Self.judge(input.bytes, in: input.mutator.cuts(of: input.bytes.count))
            // How much there is in all is counted a piece at a time, before the piece is looked at.
            if whole.violation != .tooMuch {
                try #require(cut.violation == whole.violation && cut.words == whole.words, "\(input.name): \(cut) \(whole)")
            }
            try #require((whole.words?.unicodeScalars.count ?? 0) <= 500, "\(input.name)")
            // Without literals, whose content counts for nothing.
            if whole.violation == nil, !input.bytes.contains(UInt8(ascii: "{")) { try #require(Self.deepest(input.bytes) <= 24, "\(input.name)") }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }

    @Test("brackets that close nothing do not make room for more that open")
    func closing() {
        let text = "* 1 FETCH " + String(repeating: ")", count: 200) + String(repeating: "(", count: 200) + "\r\n"
        #expect(Self.judge(Array(text.utf8), in: [0..<text.utf8.count]).violation == .malformed("brackets in brackets"))
    }

    private static func judge(_ bytes: [UInt8], in ranges: [Range<Int>]) -> (violation: ResponseGuard.Violation?, words: String?) {
        var responses = ResponseGuard(lineLimit: 10_000)
        responses.beginCommand(literalLimit: 1_000, totalLimit: 1_000_000)
        for range in ranges {
            var violation: ResponseGuard.Violation?
            bytes[range].withUnsafeBytes { buffer in
                do throws(ResponseGuard.Violation) {
                    try responses.accept(buffer)
                } catch {
                    violation = error
                }
            }
            if let violation { return (violation, responses.words) }
        }
        return (nil, responses.words)
    }

    /// How many brackets are open at once on any line without quotation marks.
    private static func deepest(_ bytes: [UInt8]) -> Int {
        bytes.split(separator: UInt8(ascii: "\n")).filter { !$0.contains(UInt8(ascii: "\"")) }.map { line in
            var open = 0
            return line.reduce(0) { deepest, byte in
                if byte == UInt8(ascii: "(") { open += 1 }
                if byte == UInt8(ascii: ")") { open = max(0, open - 1) }
                return max(deepest, open)
            }
        }.max() ?? 0
    }
}
