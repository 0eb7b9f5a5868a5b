import Foundation

/// How Stripe's JSON is read: snake_case names, instants as seconds since 1970, unknown members passed over.
enum StripeJSON {
    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .secondsSince1970
        return decoder
    }
}

/// A reference that comes as an id, as the whole object where it was expanded, or not at all; what is kept is the id.
@propertyWrapper
struct StripeReference: Decodable, Sendable, Equatable {
    var wrappedValue: String?

    init(wrappedValue: String?) {
        self.wrappedValue = wrappedValue
    }

    private struct Expanded: Decodable {
        let id: String
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = (try? container.decode(String.self)) ?? (try? container.decode(Expanded.self))?.id
    }
}

extension KeyedDecodingContainer {
    /// A reference that is not there is nil.
    func decode(_ type: StripeReference.Type, forKey key: Key) throws -> StripeReference {
        try decodeIfPresent(type, forKey: key) ?? StripeReference(wrappedValue: nil)
    }
}
