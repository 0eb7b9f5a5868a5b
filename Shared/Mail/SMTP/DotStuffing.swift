import NIOCore

/// The form in which a message follows DATA (RFC 5321, 4.5.2).
enum DotStuffing {
    private static let dot = UInt8(ascii: ".")

    /// `message` with every dot at the beginning of a line doubled, and the dot that ends it.
    ///
    /// Lone CR and LF become CRLF: a server that takes them for line ends could otherwise be made to see a second message.
    static func stuffed(_ message: [UInt8]) -> ByteBuffer {
        var output = ByteBuffer()
        output.reserveCapacity(message.count + message.count / 64 + 8)
        message.withUnsafeBytes { bytes in
            // Everything before `copied` is in the output; runs without a surprise are copied whole.
            var copied = 0
            var index = 0
            var startsLine = true
            func copy(to end: Int) {
                output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[copied..<end]))
                copied = end
            }
            while index < bytes.count {
                let byte = bytes[index]
                if startsLine, byte == dot {
                    copy(to: index)
                    output.writeInteger(dot)
                }
                startsLine = byte == .carriageReturn || byte == .lineFeed
                if byte == .carriageReturn, index + 1 < bytes.count, bytes[index + 1] == .lineFeed {
                    index += 2
                    continue
                }
                if startsLine {
                    copy(to: index)
                    output.writeStaticString("\r\n")
                    copied = index + 1
                }
                index += 1
            }
            copy(to: bytes.count)
            if !startsLine { output.writeStaticString("\r\n") }
        }
        output.writeStaticString(".\r\n")
        return output
    }
}
