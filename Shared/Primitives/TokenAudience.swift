/// For whom a signed token is: one name, or a list of any length. JWTKit's own claim ends the process over a list of none.
public struct TokenAudience: Codable, Sendable {
    public let value: [String]

    public init(_ name: String) {
        value = [name]
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let name = try? container.decode(String.self) {
            value = [name]
        } else {
            value = try container.decode([String].self)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if value.count == 1 {
            try container.encode(value[0])
        } else {
            try container.encode(value)
        }
    }
}
