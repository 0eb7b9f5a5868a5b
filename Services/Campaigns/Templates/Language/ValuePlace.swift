import Foundation

/// Where a variable stands, which decides how its value is written so that it stays a value.
enum ValuePlace: Sendable, Equatable {
    /// Text that people read.
    case text
    /// An attribute in quotes that is no address.
    case attribute
    /// The beginning of an address: the value must be a whole one.
    case urlStart
    /// Inside an address.
    case urlPart
    /// Inside a `mailto:` address, before its `?`.
    case mailAddress

    var isURL: Bool { self == .urlStart || self == .urlPart || self == .mailAddress }

    /// The most bytes that one character of a value can become.
    func longestCharacter(isMarkup: Bool) -> Int {
        // Four bytes as they are, `&quot;`, or each of four bytes as `%F0`.
        isURL ? 12 : isMarkup ? 6 : 4
    }

    /// Appends at most `limit` characters of a value; in HTML nothing of it can become markup, in an address nothing can change where it leads.
    func append(_ value: String, limit: Int, to output: inout [UInt8], isMarkup: Bool) {
        switch self {
        case .text, .attribute:
            for byte in Self.cut(value, to: limit) {
                if isMarkup { Self.appendEscaped(byte, to: &output) } else { output.append(byte) }
            }
        case .urlStart:
            let address = value.trimmingCharacters(in: .whitespacesAndNewlines)
            guard Self.isWebAddress(address) else {
                output.append(TemplateByte.hash)
                return
            }
            for byte in Self.cut(address, to: limit) {
                if !Self.isAllowedInAddress(byte) {
                    Self.appendPercentEncoded(byte, to: &output)
                } else if isMarkup {
                    Self.appendEscaped(byte, to: &output)
                } else {
                    output.append(byte)
                }
            }
        case .urlPart, .mailAddress:
            for byte in Self.cut(value, to: limit) {
                if Self.isUnreserved(byte) || self == .mailAddress && byte == TemplateByte.at {
                    output.append(byte)
                } else {
                    Self.appendPercentEncoded(byte, to: &output)
                }
            }
        }
    }

    /// Anything else, above all `javascript:`, does not become the target of a link.
    private static func isWebAddress(_ address: String) -> Bool {
        let bytes = Array(address.utf8.prefix(8))
        return ["http://", "https://", "mailto:"].contains { TemplateByte.has($0, at: 0, in: bytes) }
    }

    private static func cut(_ value: String, to limit: Int) -> Substring.UTF8View {
        // Most values are far shorter, and a character has at least one byte.
        value.utf8.count <= limit ? value[...].utf8 : Substring(value.unicodeScalars.prefix(limit)).utf8
    }

    private static func appendEscaped(_ byte: UInt8, to output: inout [UInt8]) {
        switch byte {
        case TemplateByte.ampersand: output += "&amp;".utf8
        case TemplateByte.lessThan: output += "&lt;".utf8
        case TemplateByte.greaterThan: output += "&gt;".utf8
        case TemplateByte.quote: output += "&quot;".utf8
        case TemplateByte.apostrophe: output += "&#39;".utf8
        default: output.append(byte)
        }
    }

    private static func appendPercentEncoded(_ byte: UInt8, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "%"))
        output.append(hexadecimal[Int(byte >> 4)])
        output.append(hexadecimal[Int(byte & 15)])
    }

    private static let hexadecimal = Array("0123456789ABCDEF".utf8)

    /// RFC 3986, section 2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        TemplateByte.isLetter(byte) || TemplateByte.isDigit(byte) || unreservedMarks.contains(byte)
    }

    private static let unreservedMarks = Set("-._~".utf8)

    /// Unreserved, reserved (but the apostrophe, which may end an attribute) and the percent sign.
    private static func isAllowedInAddress(_ byte: UInt8) -> Bool {
        isUnreserved(byte) || reservedMarks.contains(byte)
    }

    private static let reservedMarks = Set(":/?#[]@!$&()*+,;=%".utf8)
}
