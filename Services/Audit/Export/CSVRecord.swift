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
            byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
        }
        return needsQuotes ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
    }
}
