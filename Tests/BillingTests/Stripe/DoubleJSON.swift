import Foundation

/// JSON as the double keeps it; Stripe's numbers are whole.
enum DoubleJSON: Sendable, Equatable {
    case null
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    case list([DoubleJSON])
    case map([String: DoubleJSON])

    var string: String? { if case .text(let value) = self { value } else { nil } }
    var number: Int64? { if case .integer(let value) = self { value } else { nil } }
    var truth: Bool { self == .boolean(true) }
    var elements: [DoubleJSON] { if case .list(let value) = self { value } else { [] } }
    var members: [String: DoubleJSON] { if case .map(let value) = self { value } else { [:] } }

    /// A member; null where there is none.
    subscript(key: String) -> DoubleJSON {
        get { members[key] ?? .null }
        set {
            var changed = members
            changed[key] = newValue
            self = .map(changed)
        }
    }

    /// An element.
    subscript(index: Int) -> DoubleJSON {
        get { elements[index] }
        set {
            var changed = elements
            changed[index] = newValue
            self = .list(changed)
        }
    }

    /// This with the other's members over it, maps in maps too.
    func merged(with other: DoubleJSON) -> DoubleJSON {
        guard case .map(let mine) = self, case .map(let theirs) = other else { return other }
        return .map(mine.merging(theirs) { $0.merged(with: $1) })
    }

    var data: Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)) ?? Data()
    }
}

extension DoubleJSON: Encodable {
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .text(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .boolean(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .map(let value): try container.encode(value)
        }
    }
}

extension DoubleJSON: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension DoubleJSON: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    init(arrayLiteral elements: DoubleJSON...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, DoubleJSON)...) { self = .map(Dictionary(elements) { $1 }) }
}
