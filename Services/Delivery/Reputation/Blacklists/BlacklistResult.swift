import Foundation
import Postgres

/// What one blacklist said last about a domain or a server's address.
struct BlacklistResult: Sendable, Equatable, Encodable {
    let kind: BlacklistZone.Kind
    let subject: String
    let zone: String
    let host: String?
    /// `listed`, `clean`, or `unknown` while the zone has never answered.
    let status: String
    let codes: [String]
    let meaning: String?
    let listedSince: Date?
    let checkedAt: Date?
    /// When the zone last did not answer, if that was after it last did, and why.
    let failedAt: Date?
    let failure: String?

    init(row: Row) throws(PostgresError) {
        kind = try row.decode("kind")
        subject = try row.decode("subject")
        zone = try row.decode("zone")
        host = try row.decodeOptional("host")
        status = try row.decode("status")
        codes = try row.decode("codes")
        meaning = try row.decodeOptional("meaning")
        listedSince = try row.decodeOptional("listed_since")
        checkedAt = try row.decodeOptional("checked_at")
        failedAt = try row.decodeOptional("failed_at")
        failure = try row.decodeOptional("failure")
    }
}
