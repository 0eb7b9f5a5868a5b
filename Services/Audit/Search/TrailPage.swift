import Contracts
import Foundation
import Postgres

/// One page of a search, with what the tree was when it was read.
struct TrailPage: Encodable, Sendable {
    struct Links: Encodable, Sendable {
        let next: String?
        let prev: String?
        /// Whether entries follow.
        let hasMore: Bool
        let order: TrailSearch.Order

        enum CodingKeys: CodingKey { case next, prev, hasMore, order }

        /// What is not there is null, so that a reader need not know which names there may be.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(next, forKey: .next)
            try container.encode(prev, forKey: .prev)
            try container.encode(hasMore, forKey: .hasMore)
            try container.encode(order, forKey: .order)
        }
    }

    /// What was looked through; null is without end.
    struct Window: Encodable, Sendable {
        let from: Date?
        let to: Date?

        enum CodingKeys: CodingKey { case from, to }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(from, forKey: .from)
            try container.encode(to, forKey: .to)
        }
    }

    let data: [TrailEvent]
    let page: Links
    /// As counted for the first page.
    let total: TrailTotal?
    let window: Window
    let checkpoint: TrailCheckpoint?

    init(data: [TrailEvent], page: Links, total: TrailTotal?, window: SearchRange, checkpoint: TrailCheckpoint?) {
        self.data = data
        self.page = page
        self.total = total
        self.window = Window(from: window.from, to: window.to)
        self.checkpoint = checkpoint
    }
}

/// How often the commonest values stand in what a search finds, up to twenty a field, and four hundred days.
struct TrailFacets: Encodable, Sendable {
    struct Value: Encodable, Sendable {
        let value: String
        let count: Int
    }

    /// Field → values, the commonest first.
    let facets: [String: [Value]]
    /// Of how many entries: no more than the newest ten thousand are looked at.
    let counted: TrailTotal

    init(_ rows: Rows) throws {
        var facets: [String: [Value]] = [:]
        for row in rows {
            let field: String = try row.decode("field")
            facets[field, default: []].append(Value(value: try row.decode("value"), count: try row.decode("n")))
        }
        self.facets = facets
        // Every entry has one of the three outcomes, so none of them is beyond the twenty.
        counted = TrailTotal(counted: (facets["outcome"] ?? []).reduce(0) { $0 + $1.count })
    }
}
