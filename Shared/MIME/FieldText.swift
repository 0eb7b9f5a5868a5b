import CGMime
import Foundation

/// Reads fields out of text: groups of a report, and headers that are enclosed as text.
enum FieldText {
    private static let longestField = 8_192

    /// Groups are set apart by empty lines; what is no field ends none and is left out.
    static func groups(_ text: String, limits: MIMELimits) -> [[ParsedMail.Field]] {
        var groups: [[ParsedMail.Field]] = []
        var group = Group(limit: limits.fields)
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard groups.count < limits.parts else { break }
            if line.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
                if let fields = group.end() { groups.append(fields) }
            } else {
                group.add(line)
            }
        }
        if groups.count < limits.parts, let fields = group.end() { groups.append(fields) }
        return groups
    }

    /// Only the first group: what follows is the body.
    static func header(_ text: String, limits: MIMELimits) -> [ParsedMail.Field] {
        var group = Group(limit: limits.fields)
        for line in text.drop(while: { $0 == "\n" }).split(separator: "\n", omittingEmptySubsequences: false) {
            guard !line.isEmpty else { break }
            group.add(line)
        }
        return group.end() ?? []
    }

    /// The name in lower case and the value, if the line begins a field.
    static func start(of line: Substring) -> (name: String, value: Substring)? {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let written = line[..<colon]
        let name = written.hasSuffix(" ") ? written.dropLast(written.utf8.reversed().prefix { $0 == 0x20 }.count) : written
        guard (1...76).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return (name.lowercased(), line[line.utf8.index(after: colon)...])
    }

    /// With encoded words read and white space at the ends gone.
    static func decoded(_ value: String) -> String {
        guard value.contains("=?") else { return value.trimmingCharacters(in: .whitespaces) }
        _ = GMimeLibrary.ready
        let text = GMimeLibrary.owned(g_mime_utils_header_decode_text(nil, value)) ?? value
        return text.trimmingCharacters(in: .whitespaces)
    }

    /// Identifiers between angle brackets; one that stands alone without them counts too.
    static func identifiers(in value: String?) -> [String] {
        guard let value else { return [] }
        var found: [String] = []
        var rest = Substring(value)
        while found.count < 100, let open = rest.utf8.firstIndex(of: UInt8(ascii: "<")) {
            let after = rest[rest.utf8.index(after: open)...]
            guard let close = after.utf8.firstIndex(of: UInt8(ascii: ">")) else { break }
            let identifier = after[..<close].filter { !$0.isWhitespace }
            if isIdentifier(identifier) { found.append(identifier) }
            rest = after[after.utf8.index(after: close)...]
        }
        let alone = value.trimmingCharacters(in: .whitespaces)
        return found.isEmpty && isIdentifier(alone) && alone.contains("@") ? [alone] : found
    }

    private static func isIdentifier(_ text: String) -> Bool {
        (1...998).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x3C && $0 != 0x3E && $0 != 0x7F }
    }

    private struct Group {
        let limit: Int
        private var fields: [ParsedMail.Field] = []
        private var name: String?
        private var value = ""

        init(limit: Int) {
            self.limit = limit
        }

        mutating func add(_ line: Substring) {
            if line.utf8.first == 0x20 || line.utf8.first == 0x09 {
                guard name != nil, value.utf8.count + line.utf8.count <= FieldText.longestField else { return }
                value += " " + line.trimmingCharacters(in: .whitespaces)
            } else if let start = FieldText.start(of: line) {
                close()
                name = start.name
                value = MailText.tidy(String(start.value), limit: FieldText.longestField)
            }
        }

        mutating func end() -> [ParsedMail.Field]? {
            close()
            defer { fields = [] }
            return fields.isEmpty ? nil : fields
        }

        private mutating func close() {
            if let name, fields.count < limit { fields.append(.init(name: name, value: FieldText.decoded(value))) }
            name = nil
            value = ""
        }
    }
}
