import Contracts
import Foundation
import Postgres

/// A stream that complaints hold.
struct ComplaintHold: Sendable, Equatable, Encodable {
    enum Scope: String, Sendable, Codable {
        case tenant, domain
    }

    let scope: Scope
    let subject: String
    let level: ComplaintBreaker.Level
    let complaints: Int
    let accepted: Int
    let reason: String
    let heldSince: Date
    /// From when on the tenant may end it.
    let resumableAt: Date

    static let columns: SQL = "scope, subject, level, complaints, accepted, reason, held_since"

    init(row: Row) throws(PostgresError) {
        scope = try row.decode("scope")
        subject = try row.decode("subject")
        level = try row.decode("level")
        complaints = try row.decode("complaints")
        accepted = try row.decode("accepted")
        reason = try row.decode("reason")
        let since: Date = try row.decode("held_since")
        heldSince = since
        resumableAt = level == .stop ? since.addingTimeInterval(Double(ComplaintBreaker.stopHours) * 3_600) : since
    }

    /// Whether a hold `h` stands over the mailbox `m`.
    static let covers: SQL = "h.tenant_id = m.tenant_id and (h.scope = 'tenant' or h.subject = split_part(m.address, '@', 2))"
}
