/// The value of a parameter of Stripe's API; written into a form by ``StripeForm``.
enum StripeValue: Sendable {
    /// Empty text unsets what a parameter stands for.
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    /// An empty list or map sends nothing.
    case list([StripeValue])
    case map([(String, StripeValue)])
}

/// The parameters of one call, by name.
typealias StripeParameters = [String: StripeValue]

extension StripeValue: Equatable {
    /// Maps are equal when they hold the same under the same names, in whatever order.
    static func == (left: StripeValue, right: StripeValue) -> Bool {
        switch (left, right) {
        case (.text(let one), .text(let other)): return one == other
        case (.integer(let one), .integer(let other)): return one == other
        case (.boolean(let one), .boolean(let other)): return one == other
        case (.list(let one), .list(let other)): return one == other
        case (.map(let one), .map(let other)):
            let (one, other) = (one.sorted { $0.0 < $1.0 }, other.sorted { $0.0 < $1.0 })
            return one.count == other.count && zip(one, other).allSatisfy { $0.0 == $1.0 && $0.1 == $1.1 }
        default: return false
        }
    }
}

extension StripeValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    init(stringLiteral value: String) {
        self = .text(value)
    }
}

extension StripeValue: ExpressibleByIntegerLiteral {
    init(integerLiteral value: Int64) {
        self = .integer(value)
    }
}

extension StripeValue: ExpressibleByBooleanLiteral {
    init(booleanLiteral value: Bool) {
        self = .boolean(value)
    }
}

extension StripeValue: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: StripeValue...) {
        self = .list(elements)
    }
}

extension StripeValue: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, StripeValue)...) {
        self = .map(elements)
    }
}
