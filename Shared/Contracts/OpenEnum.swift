/// A set of known words that tolerates words it does not know: an unknown value is kept and passed on, never refused.
public protocol OpenEnum: RawRepresentable<String>, Hashable, Sendable, Codable, CustomStringConvertible, ExpressibleByStringLiteral {
    init(rawValue: String)
}

extension OpenEnum {
    public init(stringLiteral value: String) {
        self.init(rawValue: value)
    }

    public init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public var description: String { rawValue }
}
