/// A text with variables: `{{first_name}}`, `{{first_name|there}}`.
struct MailText: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        case text(String)
        case variable(name: String, fallback: String?)
    }

    struct SyntaxError: Error, Sendable, Equatable {
        let message: String
        /// Characters from the beginning.
        let position: Int
    }

    /// The one variable that Delivery fills in, since only it knows the mail's link.
    static let unsubscribe = "unsubscribe_url"

    let parts: [Part]

    /// Reads the text in one pass; an unclosed or empty variable is an error with its place.
    init(_ source: String) throws(SyntaxError) {
        var parts: [Part] = []
        var rest = source[...]
        while let open = rest.firstRange(of: "{{") {
            if open.lowerBound > rest.startIndex { parts.append(.text(String(rest[..<open.lowerBound]))) }
            let position = source.distance(from: source.startIndex, to: open.lowerBound)
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                throw SyntaxError(message: "a variable is not closed with }}", position: position)
            }
            parts.append(try Self.variable(rest[open.upperBound..<close.lowerBound], at: position))
            rest = rest[close.upperBound...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
    }

    private static func variable(_ source: Substring, at position: Int) throws(SyntaxError) -> Part {
        let sides = source.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        let name = sides[0].trimmingPrefix { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        let text = String(name)
        guard !text.isEmpty, text.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }) else {
            throw SyntaxError(message: "a variable's name has letters, digits, underscores and dots", position: position)
        }
        return .variable(name: text, fallback: sides.count == 2 ? unquoted(sides[1]) : nil)
    }

    /// `there`, ` "your company" ` → `your company`.
    private static func unquoted(_ text: Substring) -> String {
        var trimmed = text.drop { $0 == " " }
        while trimmed.last == " " { trimmed.removeLast() }
        if trimmed.count >= 2, trimmed.first == "\"", trimmed.last == "\"" { trimmed = trimmed.dropFirst().dropLast() }
        return String(trimmed)
    }

    var variables: [String] {
        parts.compactMap { if case .variable(let name, _) = $0 { name } else { nil } }
    }

    /// Fills the variables in: a missing value gives its fallback, or nothing. `escape` is applied to values, never to the text itself.
    func rendered(_ values: [String: String], escape: (String) -> String) -> String {
        parts.reduce(into: "") { result, part in
            switch part {
            case .text(let text): result += text
            case .variable(Self.unsubscribe, _): result += "{{\(Self.unsubscribe)}}"
            case .variable(let name, let fallback): result += escape(values[name] ?? values["custom." + name] ?? fallback ?? "")
            }
        }
    }
}
