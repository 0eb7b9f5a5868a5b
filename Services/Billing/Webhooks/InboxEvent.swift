import Foundation
import Postgres

/// That Stripe told of something: kept from the moment it came until it has had its effect.
struct InboxEvent: Sendable, Equatable {
    /// How it came to us.
    enum Source: String, Sendable {
        case webhook
        /// We asked for it, since Stripe could not deliver it or may not have.
        case sweep
    }

    /// Empty for the platform's own.
    let account: String
    let id: String
    let type: String
    let objectType: String?
    let objectID: String?
    let customer: String?
    let createdAt: Date
    let receivedAt: Date
    /// This one included.
    let attempts: Int

    init(row: Row) throws(PostgresError) {
        account = try row.decode("account")
        id = try row.decode("id")
        type = try row.decode("type")
        objectType = try row.decodeOptional("object_type")
        objectID = try row.decodeOptional("object_id")
        customer = try row.decodeOptional("customer")
        createdAt = try row.decode("created_at")
        receivedAt = try row.decode("received_at")
        attempts = try row.decode("attempts")
    }

    /// Events of one customer are handled one after another.
    var lane: String { "\(account) \(customer ?? objectID ?? id)" }
}
