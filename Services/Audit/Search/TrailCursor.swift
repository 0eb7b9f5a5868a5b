import Contracts
import Foundation
import HTTP
import Primitives

/// Where a page of a search begins.
struct TrailCursor: Codable, Sendable, Equatable {
    /// The last entry that was seen, by id or by number as the order is.
    var id: EventID?
    var seq: Int64?
    /// Whether the page before that entry is meant.
    var isBackward = false
    /// What the first page looked through: a span that moves with the clock would skip and repeat.
    var from: Date?
    var to: Date?
    /// What the first page counted.
    var total: TrailTotal?
}

/// How many entries a search finds: up to ten thousand are counted.
struct TrailTotal: Codable, Sendable, Equatable {
    enum Relation: String, Codable, Sendable {
        case exactly = "eq"
        case atLeast = "gte"
    }

    static let cap = 10_000

    let value: Int
    let relation: Relation

    init(counted: Int) {
        value = min(counted, Self.cap)
        relation = counted > Self.cap ? .atLeast : .exactly
    }
}

/// Makes cursors that open only for the company, the search and the order that they were made for.
struct CursorSeal: Sendable {
    private static let purpose = "audit.cursor"

    let keyring: Keyring

    /// `<payload>.<key id>.<tag>`.
    func seal(_ cursor: TrailCursor, of search: TrailSearch, for tenant: TenantID) throws -> String {
        let payload = try WireJSON.encoder().encode(cursor).base64URL
        return "\(payload).\(try keyring.authenticate(Self.message(payload, search, tenant), purpose: Self.purpose))"
    }

    /// A 400 for anything that this seal did not make for this search.
    func open(_ text: String, of search: TrailSearch, for tenant: TenantID) throws(Problem) -> TrailCursor {
        let parts = text.utf8.count <= 1_024 ? text.split(separator: ".", maxSplits: 1).map(String.init) : []
        guard parts.count == 2, keyring.isAuthentic(parts[1], message: Self.message(parts[0], search, tenant), purpose: Self.purpose),
            let payload = Data(base64URL: parts[0]), let cursor = try? WireJSON.decoder().decode(TrailCursor.self, from: payload)
        else {
            throw Problem.invalid("The cursor is not one that this search gave: ask for its first page again.", field: "cursor")
        }
        return cursor
    }

    private static func message(_ payload: String, _ search: TrailSearch, _ tenant: TenantID) -> Data {
        Data("\(payload)|\(tenant)|\(search.fingerprint)".utf8)
    }
}
