import NIOCore
import TestSupport
import Testing

@testable import Mail

/// What mail servers say, broken: the same replies in pieces of any size, in bounded lines, or a refusal.
@Suite("Foreign bytes: replies of mail servers")
struct ReplyFuzzTests {
    private enum Read: Equatable {
        case reply(SMTPReply)
        case refused
    }

    @Test("replies are the same however they were cut, and hold nothing that a log must not")
    func replies() throws {
        for input in try FuzzRun("smtp", tokens: ["250-", "250 ", "\r\n", "550 5.1.1 ", "421-", "199 ", "600 ", "354", "\r\r\n", "\t"]) {
            var input = input
            let before = threadSeconds()
            let whole = Self.read(input.bytes, in: [0..<input.bytes.count])
            try #require(Self.read(input.bytes, in: input.mutator.cuts(of: input.bytes.count)) == whole, "\(input.name)")
            for case .reply(let reply) in whole {
                try #require((200...599).contains(reply.code) && (1...SMTPReplyParser.lineCountLimit).contains(reply.lines.count), "\(input.name)")
                for line in reply.lines {
                    try #require(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "\(input.name)")
                    try #require(line.utf8.count <= 3 * SMTPReplyParser.lineLimit, "\(input.name)")
                }
                if let status = reply.enhancedStatus { try #require(status.class == reply.code / 100, "\(input.name)") }
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }

    /// All that comes out until nothing more does; a refusal is the last, whatever came before it in the same piece.
    private static func read(_ bytes: [UInt8], in ranges: [Range<Int>]) -> [Read] {
        var parser = SMTPReplyParser()
        var found: [Read] = []
        for range in ranges {
            var buffer = ByteBuffer(bytes: bytes[range])
            parser.append(&buffer)
            do throws(SMTPReplySyntaxError) {
                while let reply = try parser.next() { found.append(.reply(reply)) }
            } catch {
                return found + [.refused]
            }
        }
        return found
    }
}
