import NIOCore

/// Makes replies out of bytes, however they were cut on the way.
struct SMTPReplyParser {
    /// RFC 5321 says 512; servers with long explanations exist.
    static let lineLimit = 4096
    static let lineCountLimit = 128

    private var buffer = ByteBuffer()
    /// How much of `buffer` is known to hold no line end.
    private var searched = 0
    private var code: Int?
    private var lines: [String] = []

    /// Whether nothing of a next reply has arrived.
    var isEmpty: Bool { buffer.readableBytes == 0 && code == nil }

    mutating func append(_ bytes: inout ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
            searched = 0
        } else {
            buffer.writeBuffer(&bytes)
        }
    }

    /// The next complete reply, nil when more bytes are needed.
    mutating func next() throws(SMTPReplySyntaxError) -> SMTPReply? {
        while let line = try nextLine() {
            let (lineCode, text, isLast) = try Self.parse(line)
            guard code == nil || code == lineCode else { throw SMTPReplySyntaxError("a reply's lines have different codes") }
            guard lines.count < Self.lineCountLimit else { throw SMTPReplySyntaxError("a reply has more than \(Self.lineCountLimit) lines") }
            lines.append(text)
            code = lineCode
            if isLast {
                defer {
                    code = nil
                    lines = []
                }
                return SMTPReply(code: lineCode, lines: lines)
            }
        }
        return nil
    }

    /// Without its line end, which may be a lone LF.
    private mutating func nextLine() throws(SMTPReplySyntaxError) -> ByteBufferView? {
        let unsearched = buffer.readableBytesView.dropFirst(searched)
        guard let end = unsearched.firstIndex(of: .lineFeed) else {
            searched = buffer.readableBytes
            if searched > Self.lineLimit { throw SMTPReplySyntaxError("a reply line is longer than \(Self.lineLimit) bytes") }
            return nil
        }
        let length = end - buffer.readerIndex
        searched = 0
        guard length <= Self.lineLimit, let line = buffer.readSlice(length: length) else {
            throw SMTPReplySyntaxError("a reply line is longer than \(Self.lineLimit) bytes")
        }
        buffer.moveReaderIndex(forwardBy: 1)
        let view = line.readableBytesView
        return view.last == .carriageReturn ? view.dropLast() : view
    }

    private static func parse(_ line: ByteBufferView) throws(SMTPReplySyntaxError) -> (code: Int, text: String, isLast: Bool) {
        let digits = line.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw SMTPReplySyntaxError("a reply line has no code: \(printable(line.prefix(80)))")
        }
        let code = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let separator = line.dropFirst(3).first
        guard (200...599).contains(code), separator == nil || separator == UInt8(ascii: " ") || separator == UInt8(ascii: "-") else {
            throw SMTPReplySyntaxError("a reply line is malformed: \(printable(line.prefix(80)))")
        }
        return (code, printable(line.dropFirst(4)), separator != UInt8(ascii: "-"))
    }

    /// Replies end in logs and tables: control characters become spaces, bytes that are not UTF-8 the replacement character.
    private static func printable(_ bytes: ByteBufferView) -> String {
        String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }
}

/// What a server sent is not a reply.
struct SMTPReplySyntaxError: Error, Equatable {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}
