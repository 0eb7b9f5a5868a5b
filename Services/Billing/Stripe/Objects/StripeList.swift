/// A page of objects, the newest first; `hasMore` says that there are others after the last one.
struct StripeList<Object: Decodable & Sendable>: Decodable, Sendable {
    let data: [Object]
    let hasMore: Bool

    private enum CodingKeys: String, CodingKey {
        case data, hasMore
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        data = try container.decode([Object].self, forKey: .data)
        hasMore = try container.decodeIfPresent(Bool.self, forKey: .hasMore) ?? false
    }
}

extension StripeList: Equatable where Object: Equatable {}

/// Something that was deleted, or any object of which only the id matters.
struct StripeIdentified: Decodable, Sendable, Equatable {
    let id: String
    let object: String?
    let deleted: Bool?
}
