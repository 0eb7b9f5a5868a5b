import Foundation
import MIME

/// Fields of one group of a report or of a header, looked up by name.
struct FieldGroup {
    let fields: [ParsedMail.Field]

    init(_ fields: [ParsedMail.Field]) {
        self.fields = fields
    }

    /// Of the first field of that name; nil when it is empty.
    subscript(_ name: String) -> String? {
        guard let value = fields.first(where: { $0.name == name })?.value, !value.isEmpty else { return nil }
        return value
    }

    func all(_ name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The address of a field such as `rfc822; name@example.com`; nil for what is none, also where it was blackened.
    func address(_ name: String) -> String? {
        self[name].flatMap(MailboxText.address)
    }

    /// What follows the type in a field such as `smtp; 550 …`.
    func typed(_ name: String) -> (type: String, value: String)? {
        guard let value = self[name] else { return nil }
        guard let semicolon = value.firstIndex(of: ";"), value.distance(from: value.startIndex, to: semicolon) <= 20 else { return ("", value) }
        let type = value[..<semicolon].trimmingCharacters(in: .whitespaces).lowercased()
        return (type, value[value.index(after: semicolon)...].trimmingCharacters(in: .whitespaces))
    }

    /// The Message-ID of the mail whose header this is, without brackets.
    var messageID: String? {
        for name in ["message-id", "x-original-message-id", "original-message-id"] {
            if let value = self[name] { return MailboxText.identifier(value) }
        }
        return nil
    }

    /// The part of our own unsubscribe link that names the mail; present in a complaint even where addresses were taken out.
    var unsubscribeToken: String? {
        guard let value = self["list-unsubscribe"], let marker = value.range(of: "/u/") else { return nil }
        let token = value[marker.upperBound...].prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ".") }
        return (20...200).contains(token.utf8.count) && token.contains(".") ? String(token) : nil
    }
}

/// Addresses and identifiers in text that nobody checked.
enum MailboxText {
    /// The first address of the text, as written; at most 320 bytes.
    static func address(_ text: String) -> String? {
        var text = Substring(text)
        if let semicolon = text.firstIndex(of: ";"), text.distance(from: text.startIndex, to: semicolon) <= 20 {
            text = text[text.index(after: semicolon)...]
        }
        return addresses(in: text, limit: 1).first
    }

    static func addresses(in text: some StringProtocol, limit: Int) -> [String] {
        var found: [String] = []
        for word in text.split(whereSeparator: { $0.isWhitespace || separators.contains($0) }) where word.contains("@") {
            guard found.count < limit else { break }
            let trimmed = word.trimmingCharacters(in: CharacterSet(charactersIn: ".!?'"))
            if isAddress(trimmed) { found.append(trimmed) }
        }
        return found
    }

    private static let separators: Set<Character> = ["<", ">", "(", ")", "[", "]", ",", ";", "\"", ":", "“", "”", "'"]

    static func isAddress(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, let local = parts.first, let domain = parts.last, (1...64).contains(local.utf8.count),
            (3...255).contains(domain.utf8.count)
        else { return false }
        return domain.contains(".") && !domain.hasPrefix(".") && !domain.hasSuffix(".") && !domain.contains("..")
            && domain.unicodeScalars.allSatisfy { $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "." || $0 == "-" }
            && local.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
    }

    static func identifier(_ text: String) -> String? {
        let trimmed = text.trimmingCharacters(in: CharacterSet(charactersIn: "<> \t"))
        let inner = trimmed.split(whereSeparator: { $0 == "<" || $0 == ">" || $0.isWhitespace }).first.map(String.init) ?? ""
        return (3...998).contains(inner.utf8.count) ? inner : nil
    }
}
