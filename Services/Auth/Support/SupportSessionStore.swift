import Contracts
import Foundation
import Postgres

/// The SQL of support sessions.
enum SupportSessionStore {
    static func insert(_ session: SupportSession, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into support_sessions (tenant_id, id, staff_user_id, staff_name, reason, ticket, scope, created_at, expires_at)
            values (\(session.tenant), \(session.id), \(session.staffUser), \(session.staffName), \(session.reason), \(session.ticket),
                    \(session.scope.map(\.rawValue)), \(session.createdAt), \(session.expiresAt))
            """)
    }

    /// The running one with this identifier, while its holder is still one of the operator's people.
    static func running(_ id: UUID, of staff: UserID, at now: Date, in database: Database) async throws -> SupportSession? {
        try await database.query(
            """
            select \(columns) from support_sessions s
            where s.id = \(id) and s.staff_user_id = \(staff) and s.ended_at is null and s.expires_at > \(now) and \(mayHold)
            """
        ).first.map { try session($0, at: now) }
    }

    /// Those of these that run.
    static func living(_ sessions: [UUID], at now: Date, in database: Database) async throws -> [UUID] {
        try await database.query(
            "select s.id from support_sessions s where s.id = any(\(sessions)) and s.ended_at is null and s.expires_at > \(now) and \(mayHold)"
        ).map { try $0.decode("id") }
    }

    /// Nil when it was over already, or is another's.
    static func end(_ id: UUID, of staff: UserID, at now: Date, in transaction: Transaction) async throws -> SupportSession? {
        try await transaction.query(
            """
            update support_sessions s set ended_at = \(now), ended_because = \(SupportSession.End.holder)
            where s.id = \(id) and s.staff_user_id = \(staff) and s.ended_at is null and s.expires_at > \(now) returning \(columns)
            """
        ).first.map { try session($0, at: now) }
    }

    /// Ends some of those that are over without anybody's doing, and which they were; one that somebody else has in hand is left to them.
    static func endOverdue(at now: Date, limit: Int, in transaction: Transaction) async throws -> [SupportSession] {
        try await transaction.query(
            """
            with due as materialized (
                select s.tenant_id, s.id, s.expires_at <= \(now) as is_expired from support_sessions s
                where s.ended_at is null and (s.expires_at <= \(now) or not \(mayHold))
                order by s.expires_at, s.id limit \(limit) for update of s skip locked)
            update support_sessions s set
                ended_at = case when d.is_expired then s.expires_at else \(now) end,
                ended_because = case when d.is_expired then \(SupportSession.End.expired) else \(SupportSession.End.staffRoleRemoved) end
            from due d where s.tenant_id = d.tenant_id and s.id = d.id returning \(columns)
            """
        ).map { try session($0, at: now) }
    }

    static func list(of tenant: TenantID, before start: UUID?, limit: Int, at now: Date, in database: Database) async throws -> [SupportSession] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from support_sessions s where s.tenant_id = \(tenant) and (\(start)::uuid is null or s.id < \(start))
            order by s.id desc limit \(limit)
            """
        ).map { try session($0, at: now) }
    }

    static func list(by staff: UserID, before start: UUID?, limit: Int, at now: Date, in database: Database) async throws -> [SupportSession] {
        try await database.query(
            """
            select \(columns) from support_sessions s where s.staff_user_id = \(staff) and (\(start)::uuid is null or s.id < \(start))
            order by s.id desc limit \(limit)
            """
        ).map { try session($0, at: now) }
    }

    /// Whether the holder of session `s` is one of those who may have one.
    private static let mayHold: SQL =
        "exists (select from staff f where f.user_id = s.staff_user_id and f.role in ('support', 'super_admin'))"

    private static let columns: SQL = """
        s.tenant_id, s.id, s.staff_user_id, s.staff_name, s.reason, s.ticket, s.scope, s.created_at, s.expires_at, s.ended_at, s.ended_because
        """

    private static func session(_ row: Row, at now: Date) throws -> SupportSession {
        let expiresAt: Date = try row.decode("expires_at")
        let endedAt: Date? = try row.decodeOptional("ended_at")
        let end = try row.decodeOptional("ended_because", as: String.self).flatMap(SupportSession.End.init(rawValue:))
        // What was never heard of here allows nothing.
        let scope = try row.decode("scope", as: [String].self).compactMap(SupportScope.init(rawValue:))
        return SupportSession(
            id: try row.decode("id"), tenant: try row.decode("tenant_id"), staffUser: try row.decode("staff_user_id"),
            staffName: try row.decode("staff_name"), reason: try row.decode("reason"), ticket: try row.decode("ticket"), scope: scope,
            createdAt: try row.decode("created_at"), expiresAt: expiresAt,
            state: SupportSession.state(endedAt: endedAt, because: end, expiresAt: expiresAt, now: now), endedAt: endedAt, endedBecause: end)
    }
}
