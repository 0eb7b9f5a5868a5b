import Contracts
import Foundation
import Postgres

/// A person to write to.
struct Lead: Codable, Sendable, Equatable {
    let id: LeadID
    let email: String
    let firstName: String?
    let lastName: String?
    let company: String?
    let custom: [String: CustomValue]
    /// An IANA name, as `Europe/Oslo`.
    var timeZone: String?
    var tags: [String] = []
    var status = LeadStatus.active
    var statusChangedAt: Date?
    /// Raised with each change.
    var revision: Int64 = 1
    let createdAt: Date
}

/// Whether a person may be written to, as Delivery told last.
enum LeadStatus: String, Codable, Sendable {
    case active
    case unsubscribed
    case bounced
    case complained
    case suppressed
}

extension Lead {
    static let columns: SQL =
        "l.id, l.email, l.first_name, l.last_name, l.company, l.custom, l.time_zone, l.tags, l.status, l.status_changed_at, l.revision, l.created_at"

    init(row: Row) throws {
        id = try row.decode("id")
        email = try row.decode("email")
        firstName = try row.decodeOptional("first_name")
        lastName = try row.decodeOptional("last_name")
        company = try row.decodeOptional("company")
        custom = try WireJSON.decoder().decode([String: CustomValue].self, from: Data(try row.decode("custom", as: String.self).utf8))
        timeZone = try row.decodeOptional("time_zone")
        tags = try row.decode("tags")
        status = try row.decode("status")
        statusChangedAt = try row.decodeOptional("status_changed_at")
        revision = try row.decode("revision")
        createdAt = try row.decode("created_at")
    }
}
