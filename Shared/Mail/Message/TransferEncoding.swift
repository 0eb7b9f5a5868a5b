import Foundation

/// How the body of a part travels; every choice is pure ASCII with lines of at most 998 bytes.
enum TransferEncoding: String {
    case sevenBit = "7bit"
    case quotedPrintable = "quoted-printable"
    case base64

    /// As it is where that is allowed, else whichever of the other two is shorter.
    init(for text: [UInt8]) {
        var escaped = 0
        var lineLength = 0
        var longestLine = 0
        for byte in text {
            switch byte {
            case .carriageReturn, .lineFeed:
                lineLength = 0
                continue
            case 0x20...0x7E, UInt8(ascii: "\t"): break
            default: escaped += 1
            }
            lineLength += 1
            longestLine = max(longestLine, lineLength)
        }
        if escaped == 0, longestLine <= HeaderWriter.hardLineLimit {
            self = .sevenBit
        } else {
            self = escaped * 2 <= text.count / 3 ? .quotedPrintable : .base64
        }
    }

    /// `text` has CRLF line ends.
    func encoded(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .sevenBit: text
        case .quotedPrintable: QuotedPrintable.encoded(text)
        case .base64:
            [UInt8](
                Data(text).base64EncodedString(options: [.lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed]).utf8)
        }
    }
}
