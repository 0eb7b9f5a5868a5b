import Contracts
import Foundation
import Postgres

/// A stated reason for which one of the operator's people may read one company's trail for a while. It makes nobody anybody else.
struct SupportSession: Sendable, Encodable, Equatable {
    let id: UUID
    let tenant: TenantID
    let staffUser: UserID
    let staffName: String
    let reason: String
    let ticket: String
    let createdAt: Date
    let expiresAt: Date
    let endedAt: Date?

    static let longest: TimeInterval = 3_600
}

/// The SQL of support sessions.
enum SupportSessionStore {
    static func insert(_ session: SupportSession, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into support_sessions (tenant_id, id, staff_user_id, staff_name, reason, ticket, created_at, expires_at)
            values (\(session.tenant), \(session.id), \(session.staffUser), \(session.staffName), \(session.reason), \(session.ticket),
                    \(session.createdAt), \(session.expiresAt))
            """)
    }

    /// The running one with this identifier, while its holder is still one of the operator's people.
    static func running(_ id: UUID, of staff: UserID, at now: Date, in database: Database) async throws -> SupportSession? {
        try await database.query(
            """
            select \(columns) from support_sessions s join staff f on f.user_id = s.staff_user_id and f.role in ('support', 'super_admin')
            where s.id = \(id) and s.staff_user_id = \(staff) and s.ended_at is null and s.expires_at > \(now)
            """
        ).first.map(session)
    }

    /// False when it was over already, or is another's.
    static func end(_ id: UUID, of staff: UserID, at now: Date, in transaction: Transaction) async throws -> SupportSession? {
        try await transaction.query(
            """
            update support_sessions s set ended_at = \(now)
            where s.id = \(id) and s.staff_user_id = \(staff) and s.ended_at is null and s.expires_at > \(now) returning \(columns)
            """
        ).first.map(session)
    }

    static func list(of tenant: TenantID, before start: UUID?, limit: Int, in database: Database) async throws -> [SupportSession] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from support_sessions s where s.tenant_id = \(tenant) and (\(start)::uuid is null or s.id < \(start))
            order by s.id desc limit \(limit)
            """
        ).map(session)
    }

    static func list(by staff: UserID, before start: UUID?, limit: Int, in database: Database) async throws -> [SupportSession] {
        try await database.query(
            """
            select \(columns) from support_sessions s where s.staff_user_id = \(staff) and (\(start)::uuid is null or s.id < \(start))
            order by s.id desc limit \(limit)
            """
        ).map(session)
    }

    private static let columns: SQL =
        "s.tenant_id, s.id, s.staff_user_id, s.staff_name, s.reason, s.ticket, s.created_at, s.expires_at, s.ended_at"

    private static func session(_ row: Row) throws -> SupportSession {
        SupportSession(
            id: try row.decode("id"), tenant: try row.decode("tenant_id"), staffUser: try row.decode("staff_user_id"),
            staffName: try row.decode("staff_name"), reason: try row.decode("reason"), ticket: try row.decode("ticket"),
            createdAt: try row.decode("created_at"), expiresAt: try row.decode("expires_at"), endedAt: try row.decodeOptional("ended_at"))
    }
}
