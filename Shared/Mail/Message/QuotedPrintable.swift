/// The transfer encoding that leaves most of a western text readable (RFC 2045, section 6.7).
enum QuotedPrintable {
    /// RFC 2045: no encoded line is longer, the `=` of a soft break included.
    static let lineLimit = 76

    /// `text` has CRLF line ends and no other CR or LF; they stay hard line breaks.
    static func encoded(_ text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count + text.count / 4)
        var column = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == .carriageReturn {
                output += .lineEnd
                column = 0
                index += 2
                continue
            }
            let endsLine = index + 1 == text.count || text[index + 1] == .carriageReturn
            let isLiteral = isLiteral(byte, endsLine: endsLine)
            let width = isLiteral ? 1 : 3
            // Unless the line ends here anyway, the last column belongs to the soft break.
            if column + width > (endsLine ? lineLimit : lineLimit - 1) {
                output.append(UInt8(ascii: "="))
                output += .lineEnd
                column = 0
            }
            if isLiteral { output.append(byte) } else { output.appendEscape(of: byte) }
            column += width
            index += 1
        }
        return output
    }

    /// Blanks at the end of a line are lost on the way unless they are escaped.
    private static func isLiteral(_ byte: UInt8, endsLine: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "="): false
        case 0x21...0x7E: true
        case UInt8(ascii: " "), UInt8(ascii: "\t"): !endsLine
        default: false
        }
    }
}
