/// Writing CSV (RFC 4180, commas).
enum CSVWriter {
    /// The fields as one record without a line end, quoted where they must be.
    static func record(_ fields: [String]) -> String {
        fields.map(quoted).joined(separator: ",")
    }

    /// A cell that a spreadsheet shows and never runs: what would begin a formula gets an apostrophe before it.
    static func harmless(_ cell: String) -> String {
        switch cell.utf8.first {
        case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): "'" + cell
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
