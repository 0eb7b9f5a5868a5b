import CEtpan

/// Commands that are a dialogue, AUTHENTICATE and IDLE, are led line by line over libetpan's stream: its own versions of them hand the parser no
/// context, which it needs for a quoted string, so that a server could take the process down.
extension IMAPConnection {
    /// A line of the server's.
    enum Line {
        /// It waits for more from us.
        case continuation(String)
        case untagged(String)
        case done
        case refused(String)
    }

    func send(_ text: String) throws(IMAPError) {
        let bytes = Array((text + "\r\n").utf8)
        let stream = handle.session.pointee.imap_stream
        let written = bytes.withUnsafeBytes { mailstream_write(stream, $0.baseAddress, $0.count) }
        guard written == bytes.count, mailstream_flush(stream) == 0 else { throw lost }
    }

    func nextLine(of tag: String) throws(IMAPError) -> Line {
        let session = handle.session
        guard mailstream_read_line(session.pointee.imap_stream, session.pointee.imap_stream_buffer) != nil, handle.wire.failure == nil,
            let buffer = session.pointee.imap_stream_buffer, let start = buffer.pointee.str
        else { throw lost }
        let bytes = UnsafeRawBufferPointer(start: start, count: buffer.pointee.len)
        let text = String(decoding: bytes, as: UTF8.self).trimmingSuffix { $0.isNewline }
        if text.hasPrefix("+") { return .continuation(String(text.dropFirst().drop { $0 == " " })) }
        guard text.hasPrefix("\(tag) ") else { return .untagged(String(text)) }
        let answer = text.dropFirst(tag.count + 1)
        return answer.uppercased().hasPrefix("OK") ? .done : .refused(String(answer.prefix(500)))
    }

    private var lost: IMAPError {
        handle.wire.failure ?? IMAPError(.connectionLost, stage: .connect, message: "the connection is closed")
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> SubSequence {
        var rest = self[...]
        while let last = rest.last, isTrimmed(last) { rest.removeLast() }
        return rest
    }
}
