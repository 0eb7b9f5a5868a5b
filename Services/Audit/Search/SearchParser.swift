import Contracts
import Foundation

/// Reads the text of a search, in one pass from left to right.
struct SearchParser {
    private struct Value {
        let text: String
        let isQuoted: Bool
        let position: Int
    }

    private let characters: [Character]
    private var position = 0

    private init(_ text: String) {
        characters = Array(text)
    }

    static func terms(of text: String) throws(SearchFault) -> [SearchTerm] {
        guard text.unicodeScalars.count <= SearchQuery.longest else {
            throw SearchFault("A search has at most \(SearchQuery.longest) characters.", at: SearchQuery.longest)
        }
        if let nul = text.firstIndex(of: "\0") {
            throw SearchFault("A search takes no character NUL.", at: text.distance(from: text.startIndex, to: nul))
        }
        var parser = SearchParser(text)
        return try parser.terms()
    }

    private mutating func terms() throws(SearchFault) -> [SearchTerm] {
        var terms: [SearchTerm] = []
        while true {
            while position < characters.count, characters[position].isWhitespace { position += 1 }
            guard position < characters.count else { return terms }
            guard terms.count < SearchQuery.mostTerms else {
                throw SearchFault("A search takes at most \(SearchQuery.mostTerms) terms.", at: position)
            }
            terms.append(try term())
        }
    }

    private mutating func term() throws(SearchFault) -> SearchTerm {
        let isNegated = characters[position] == "-"
        if isNegated { position += 1 }
        let start = position
        guard let name = takeName() else {
            return SearchTerm(isNegated: isNegated, condition: .words(try Self.matches(try values())))
        }
        if name.hasPrefix("meta.") {
            let key = String(name.dropFirst(5))
            guard (1...40).contains(key.count) else { throw SearchFault("meta. takes the name of a key, 1 to 40 characters.", at: start) }
            return SearchTerm(isNegated: isNegated, condition: .metadata(key: key, try Self.matches(try values())))
        }
        guard let field = SearchField(rawValue: name) else {
            let known = SearchField.allCases.map(\.rawValue).sorted().joined(separator: ", ")
            throw SearchFault(
                "There is no field \(name.prefix(40)). The fields are \(known) and meta.<key>; put text with a colon into quotation marks.",
                at: start)
        }
        return SearchTerm(isNegated: isNegated, condition: try Self.condition(field, try values()))
    }

    // MARK: - Reading

    /// The name of a field and the colon behind it; takes nothing when there is none.
    private mutating func takeName() -> String? {
        var end = position
        guard end < characters.count, characters[end].isASCII, characters[end].isLetter else { return nil }
        while end < characters.count, Self.isPartOfName(characters[end]) { end += 1 }
        guard end < characters.count, characters[end] == ":" else { return nil }
        let name = String(characters[position..<end])
        position = end + 1
        return name
    }

    private static func isPartOfName(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "." || character == "_" || character == "-")
    }

    private mutating func values() throws(SearchFault) -> [Value] {
        var values = [try value()]
        while position < characters.count, characters[position] == "," {
            position += 1
            values.append(try value())
        }
        return values
    }

    private mutating func value() throws(SearchFault) -> Value {
        let start = position
        guard position < characters.count, !isEndOfValue else { throw SearchFault("A value is missing here.", at: start) }
        if characters[position] == "\"" { return try quoted() }
        while position < characters.count, !isEndOfValue {
            guard characters[position] != "\"" else {
                throw SearchFault("A quotation mark may only begin a value.", at: position)
            }
            position += 1
        }
        return Value(text: String(characters[start..<position]), isQuoted: false, position: start)
    }

    /// A backslash takes the next character as it is.
    private mutating func quoted() throws(SearchFault) -> Value {
        let start = position
        var text = ""
        position += 1
        while position < characters.count, characters[position] != "\"" {
            if characters[position] == "\\", position + 1 < characters.count { position += 1 }
            text.append(characters[position])
            position += 1
        }
        guard position < characters.count else { throw SearchFault("This quotation mark is never closed.", at: start) }
        position += 1
        guard position == characters.count || isEndOfValue else {
            throw SearchFault("A space or a comma belongs behind a quotation mark.", at: position)
        }
        guard !text.isEmpty else { throw SearchFault("There is nothing between these quotation marks.", at: start) }
        return Value(text: text, isQuoted: true, position: start)
    }

    private var isEndOfValue: Bool {
        characters[position].isWhitespace || characters[position] == ","
    }

    // MARK: - Understanding

    private static func condition(_ field: SearchField, _ values: [Value]) throws(SearchFault) -> SearchTerm.Condition {
        switch field {
        case .ip:
            var networks: [String] = []
            for value in values {
                guard let network = SearchValues.network(value.text) else {
                    throw SearchFault("ip takes an address or a network, such as 192.0.2.7 or 2001:db8::/32.", at: value.position)
                }
                networks.append(network)
            }
            return .networks(networks)
        case .occurred, .recorded:
            var ranges: [SearchRange] = []
            for value in values {
                guard let range = SearchValues.range(value.text) else {
                    throw SearchFault(
                        "\(field.rawValue) takes a day or an instant, >= < before one, or a span such as 2026-11-01..2026-11-30.",
                        at: value.position)
                }
                ranges.append(range)
            }
            return field == .occurred ? .occurred(ranges) : .recorded(ranges)
        case .outcome:
            for value in values where !["success", "failure", "denied"].contains(value.text) {
                throw SearchFault("outcome is success, failure or denied.", at: value.position)
            }
            return .field(field, try matches(values))
        case .support:
            for value in values where UUID(text: value.text) == nil {
                throw SearchFault("support takes the id of a support session.", at: value.position)
            }
            return .field(field, values.map { .exactly($0.text.lowercased()) })
        default:
            return .field(field, try matches(values))
        }
    }

    private static func matches(_ values: [Value]) throws(SearchFault) -> [SearchMatch] {
        var matches: [SearchMatch] = []
        for value in values {
            guard !value.isQuoted, value.text.hasSuffix("*") else {
                matches.append(.exactly(value.text))
                continue
            }
            guard value.text.count > 1 else { throw SearchFault("Write what it begins with before the *.", at: value.position) }
            matches.append(.startingWith(String(value.text.dropLast())))
        }
        return matches
    }
}
