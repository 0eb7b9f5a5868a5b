import Contracts
import Foundation

/// A session as its person sees it among the others.
struct SessionView: Sendable, Encodable {
    let id: SessionID
    let createdAt: Date
    let lastSeenAt: Date
    let expiresAt: Date
    let address: String?
    let userAgent: String?
    let assurance: Int
    /// Whether it is the one that asks.
    var isCurrent = false

    /// Where a page of the list ends.
    struct Place: Codable, Sendable {
        let lastSeenAt: Date
        let id: SessionID
    }

    var place: Place { Place(lastSeenAt: lastSeenAt, id: id) }
}
