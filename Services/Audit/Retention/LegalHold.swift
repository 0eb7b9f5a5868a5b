import Contracts
import Foundation
import Postgres

enum LegalHoldKind {}
typealias LegalHoldID = EntityID<LegalHoldKind>

/// Entries of a company that stay whatever its plan says, and why; without bounds it is all of them.
struct LegalHold: Encodable, Sendable, Equatable {
    let id: LegalHoldID
    let reason: String
    let from: Date?
    let to: Date?
    /// `user:<id>`.
    let placedBy: String
    let placedAt: Date
    let releasedBy: String?
    let releasedAt: Date?
}

/// The SQL of legal holds.
enum LegalHoldStore {
    private static let columns: SQL = "id, reason, from_at, to_at, placed_by, placed_at, released_by, released_at"

    static func insert(_ hold: LegalHold, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into trail_holds (tenant_id, id, reason, from_at, to_at, placed_by, placed_at)
            values (\(tenant), \(hold.id), \(hold.reason), \(hold.from), \(hold.to), \(hold.placedBy), \(hold.placedAt))
            """)
    }

    /// False when there is no such hold, or it is released already.
    static func release(_ hold: LegalHoldID, of tenant: TenantID, by actor: String, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            update trail_holds set released_by = \(actor)
            where tenant_id = \(tenant) and id = \(hold) and released_at is null
            """
        ).affected == 1
    }

    /// One at a time for a company, so that what was counted still holds at the insert.
    static func lockAll(of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('trail_holds:' || \(tenant.description), 0))")
    }

    static func countActive(of tenant: TenantID, in transaction: Transaction) async throws -> Int {
        try await transaction.query(
            "select count(*) as n from trail_holds where tenant_id = \(tenant) and released_at is null")[0].decode("n")
    }

    /// The newest first, those before `cursor`.
    static func list(of tenant: TenantID, before cursor: LegalHoldID?, limit: Int, in database: Database) async throws -> [LegalHold] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from trail_holds where tenant_id = \(tenant) and (\(cursor)::uuid is null or id < \(cursor))
            order by id desc limit \(limit)
            """
        ).map { row in
            LegalHold(
                id: try row.decode("id"), reason: try row.decode("reason"), from: try row.decodeOptional("from_at"),
                to: try row.decodeOptional("to_at"), placedBy: try row.decode("placed_by"), placedAt: try row.decode("placed_at"),
                releasedBy: try row.decodeOptional("released_by"), releasedAt: try row.decodeOptional("released_at"))
        }
    }
}
