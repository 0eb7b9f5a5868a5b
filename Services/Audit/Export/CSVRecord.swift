/// Writing CSV (RFC 4180, commas).
enum CSVRecord {
    /// The fields as one record with its line end, quoted where they must be.
    static func line(_ fields: [String]) -> String {
        fields.map(quoted).joined(separator: ",") + "\r\n"
    }

    /// A cell that a spreadsheet shows and never runs: what would begin a formula gets an apostrophe before it.
    static func harmless(_ cell: String) -> String {
        guard let first = cell.utf8.first else { return cell }
        return switch first {
        case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), UInt8(ascii: "\t"), UInt8(ascii: "\r"),
            UInt8(ascii: "\n"):
            "'" + cell
        default: cell
        }
    }

    private static func quoted(_ field: String) -> String {
        let needsQuotes = field.utf8.contains { byte in
            byte == UInt8(ascii: ",") || byte == quote || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
        }
        guard needsQuotes else { return field }
        var text = [quote]
        text.reserveCapacity(field.utf8.count + 16)
        for byte in field.utf8 {
            if byte == quote { text.append(quote) }
            text.append(byte)
        }
        text.append(quote)
        return String(decoding: text, as: UTF8.self)
    }

    private static let quote = UInt8(ascii: "\"")
}
