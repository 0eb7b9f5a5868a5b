import Contracts
import Foundation
public import Hummingbird
import Primitives

/// One page of a list, and the cursor of the next; `next` is null on the last page.
public struct Page<Item: Encodable & Sendable>: Encodable, Sendable {
    public struct Links: Encodable, Sendable {
        public let next: String?

        enum CodingKeys: String, CodingKey { case next }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(next, forKey: .next)
        }
    }

    public let data: [Item]
    public let page: Links

    /// `items` may hold one more than `limit`: it is left out and proves that there is a next page, which starts after the last one kept.
    public init(_ items: [Item], limit: Int, key: (Item) -> some Encodable) {
        data = Array(items.prefix(limit))
        page = Links(next: items.count > limit ? data.last.map { PageRequest.cursor(key($0)) } : nil)
    }
}

/// What a list request asks for: `limit` (1–200, default 50, unless a list has other bounds) and `cursor`.
public struct PageRequest: Sendable {
    public let limit: Int
    private let cursor: String?
    /// A key may hold a name of 100 characters of four bytes.
    private static let longestCursor = 1_024

    /// `standard`: how many are given where nothing is said; nil is 50.
    public init(_ request: Request, maximum: Int = 200, standard: Int? = nil) throws(Problem) {
        let parameters = request.uri.queryParameters
        if let text = parameters["limit"] {
            guard let limit = Int(text), (1...maximum).contains(limit) else {
                throw Problem.invalid("limit must be a number from 1 to \(maximum).", field: "limit")
            }
            self.limit = limit
        } else {
            limit = min(standard ?? 50, maximum)
        }
        cursor = parameters["cursor"].map(String.init)
    }

    /// Where the page starts; nil for the first one, a 400 for a cursor that is not ours.
    public func after<Key: Decodable>(_ type: Key.Type) throws(Problem) -> Key? {
        guard let cursor else { return nil }
        guard cursor.utf8.count <= Self.longestCursor, let data = Data(base64URL: cursor),
            let key = try? WireJSON.decoder().decode([Key].self, from: data).first
        else {
            throw Problem.invalid("The cursor is not one that this list gave.", field: "cursor")
        }
        return key
    }

    static func cursor(_ key: some Encodable) -> String {
        // In an array, so that a plain string or number is a JSON document for every decoder.
        (try? WireJSON.encoder().encode([key]))?.base64URL ?? ""
    }
}
