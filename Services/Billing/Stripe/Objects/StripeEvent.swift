import Foundation

/// That something happened to an object, which is then read again: what the event says of it is only a hint.
struct StripeEvent: Decodable, Sendable, Equatable {
    /// What is needed to find the object and whose it is; anything of another form is left out.
    struct Hint: Decodable, Sendable, Equatable {
        let id: String?
        let object: String?
        let customer: String?
        let subscription: String?
        let metadata: [String: String]?

        private enum CodingKeys: String, CodingKey {
            case id, object, customer, subscription, metadata
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            id = try? container.decode(String.self, forKey: .id)
            object = try? container.decode(String.self, forKey: .object)
            customer = (try? container.decode(StripeReference.self, forKey: .customer))?.wrappedValue
            subscription = (try? container.decode(StripeReference.self, forKey: .subscription))?.wrappedValue
            metadata = try? container.decode([String: String].self, forKey: .metadata)
        }
    }

    struct Content: Decodable, Sendable, Equatable {
        let object: Hint
    }

    let id: String
    let type: String
    /// The version that the event was written in; nil for the oldest ones.
    let apiVersion: String?
    let created: Date
    /// The connected account that it happened on; nil for the platform's own.
    let account: String?
    let livemode: Bool?
    let data: Content
}
