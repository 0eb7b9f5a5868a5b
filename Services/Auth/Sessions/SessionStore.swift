import Contracts
import Foundation
import Postgres

/// The SQL of sessions.
enum SessionStore {
    struct Origin: Sendable {
        let address: String?
        let userAgent: String?
    }

    static func insert(
        _ session: Session, token: SessionToken, origin: Origin, at instant: Date, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            insert into sessions (id, user_id, tenant_id, token_digest, created_at, last_seen_at, expires_at, authenticated_at, assurance, address, user_agent)
            values (\(session.id), \(session.user), \(session.tenant), \(token.digest), \(instant), \(instant), \(session.expiresAt),
                    \(session.authenticatedAt), \(session.assurance), \(origin.address), \(origin.userAgent))
            """)
    }

    /// The living session of a token with its person as of now, so that a removed member or a changed role counts at once.
    static func find(_ token: SessionToken, now: Date, in database: Database) async throws -> Session? {
        let rows = try await database.query(
            """
            select s.id, s.user_id, s.tenant_id, s.last_seen_at, s.expires_at, s.authenticated_at, s.assurance::bigint as assurance, u.email, u.name, u.email_verified is not null as verified,
                   t.name as tenant_name, m.roles[1] as role, m.workspaces, f.role as staff_role
            from sessions s
            join users.users u on u.id = s.user_id and u.deleted is null and u.suspended_at is null
            join users.tenant_users m on m.tenant_id = s.tenant_id and m.user_id = s.user_id and m.deleted is null
            join public.tenants t on t.id = s.tenant_id and t.deleted is null and t.suspended_at is null
            left join staff f on f.user_id = s.user_id
            \(strictestPolicy)
            where s.token_digest = \(token.digest) and s.revoked_at is null and \(isAlive(now))
            """)
        return try rows.first.map { row in
            Session(
                id: try row.decode("id"), user: try row.decode("user_id"), email: try row.decode("email"),
                name: try row.decodeOptional("name") ?? "", isVerified: try row.decode("verified"), tenant: try row.decode("tenant_id"),
                tenantName: try row.decode("tenant_name"), role: try row.decode("role"), lastSeenAt: try row.decode("last_seen_at"),
                authenticatedAt: try row.decode("authenticated_at"), assurance: try row.decode("assurance"),
                expiresAt: try row.decode("expires_at"), staffRole: try row.decodeOptional("staff_role"),
                workspaces: try row.decodeOptional("workspaces"))
        }
    }

    /// Those of these that still live; the session of a program is its key.
    static func living(_ sessions: [SessionID], now: Date, in database: Database) async throws -> [SessionID] {
        try await database.query(
            """
            select s.id from sessions s
            join users.users u on u.id = s.user_id and u.deleted is null and u.suspended_at is null
            join users.tenant_users m on m.tenant_id = s.tenant_id and m.user_id = s.user_id and m.deleted is null
            join public.tenants t on t.id = s.tenant_id and t.deleted is null and t.suspended_at is null
            \(strictestPolicy)
            where s.id = any(\(sessions)) and s.revoked_at is null and \(isAlive(now))
            union all
            select k.id from api_keys k join public.tenants t on t.id = k.tenant_id and t.deleted is null and t.suspended_at is null
            join users.users u on u.id = k.created_by and u.suspended_at is null
            where k.id = any(\(sessions)) and k.revoked_at is null and (k.expires_at is null or k.expires_at > \(now))
            """
        ).map { try $0.decode("id") }
    }

    /// The policy `p` of session `s`: of all its person's companies the strictest, since it can switch to each of them.
    private static let strictestPolicy: SQL = """
        left join lateral (
            select min(o.session_idle_minutes) as session_idle_minutes, min(o.session_absolute_hours) as session_absolute_hours
            from users.tenant_users w join tenant_policies o on o.tenant_id = w.tenant_id where w.user_id = s.user_id and w.deleted is null
        ) p on true
        """

    /// Neither too old nor too long unused, by the policy `p` where there is one.
    private static func isAlive(_ now: Date) -> SQL {
        """
        s.expires_at > \(now)
        and s.created_at > \(now)::timestamptz - make_interval(hours => coalesce(p.session_absolute_hours, \(Int32(TenantPolicy.standard.sessionAbsoluteHours))::integer))
        and s.last_seen_at > \(now)::timestamptz - make_interval(mins => coalesce(p.session_idle_minutes, \(Int32(TenantPolicy.standard.sessionIdleMinutes))::integer))
        """
    }

    static func touch(_ session: SessionID, at instant: Date, in database: Database) async throws {
        try await database.query("update sessions set last_seen_at = \(instant) where id = \(session) and last_seen_at < \(instant)")
    }

    /// The person's living sessions, the one seen last first.
    /// Those that live, the last used first, after `start`.
    static func list(of user: UserID, now: Date, after start: SessionView.Place?, limit: Int, in database: Database) async throws -> [SessionView] {
        let rest: SQL =
            if let start { "and (s.last_seen_at < \(start.lastSeenAt) or s.last_seen_at = \(start.lastSeenAt) and s.id > \(start.id))" } else { "" }
        return try await database.query(
            """
            select s.id, s.created_at, s.last_seen_at, s.expires_at, s.address, s.user_agent, s.assurance::bigint as assurance
            from sessions s \(strictestPolicy)
            where s.user_id = \(user) and s.revoked_at is null and \(isAlive(now)) \(rest)
            order by s.last_seen_at desc, s.id limit \(limit)
            """
        ).map { row in
            SessionView(
                id: try row.decode("id"), createdAt: try row.decode("created_at"), lastSeenAt: try row.decode("last_seen_at"),
                expiresAt: try row.decode("expires_at"), address: try row.decodeOptional("address"), userAgent: try row.decodeOptional("user_agent"),
                assurance: try row.decode("assurance"))
        }
    }

    /// A new token for the same session, as at every change of what it may do; the old one is nobody's from now on.
    static func rotate(
        _ session: SessionID, to token: SessionToken, authenticatedAt instant: Date, assurance: Int, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            update sessions set token_digest = \(token.digest), authenticated_at = \(instant), assurance = \(assurance)
            where id = \(session) and revoked_at is null
            """)
    }

    /// Ends all living sessions of a person but one; which they were.
    static func revokeAll(of user: UserID, except kept: SessionID?, at instant: Date, in transaction: Transaction) async throws -> [SessionID] {
        try await transaction.query(
            """
            update sessions set revoked_at = \(instant)
            where user_id = \(user) and revoked_at is null and (\(kept)::uuid is null or id <> \(kept)) returning id
            """
        ).map { try $0.decode("id") }
    }

    /// Ends a person's living sessions in one company.
    static func revokeAll(of user: UserID, in tenant: TenantID, at instant: Date, in transaction: Transaction) async throws -> [SessionID] {
        try await transaction.query(
            "update sessions set revoked_at = \(instant) where tenant_id = \(tenant) and user_id = \(user) and revoked_at is null returning id"
        ).map { try $0.decode("id") }
    }

    /// Another company for the same session, under a new token.
    static func enter(_ tenant: TenantID, _ session: SessionID, token: SessionToken, in transaction: Transaction) async throws {
        try await transaction.query(
            "update sessions set tenant_id = \(tenant), token_digest = \(token.digest) where id = \(session) and revoked_at is null")
    }

    /// Ends all living sessions of a person but the one of this token.
    static func revokeAll(of user: UserID, exceptToken kept: SessionToken?, at instant: Date, in transaction: Transaction) async throws {
        let digest = kept?.digest
        try await transaction.query(
            """
            update sessions set revoked_at = \(instant)
            where user_id = \(user) and revoked_at is null and (\(digest)::bytea is null or token_digest <> \(digest))
            """)
    }

    /// False when it had ended before, or is somebody else's.
    static func revoke(_ session: SessionID, of user: UserID, at instant: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            "update sessions set revoked_at = \(instant) where id = \(session) and user_id = \(user) and revoked_at is null"
        ).affected > 0
    }

    /// False when it had ended before.
    static func revoke(_ session: SessionID, at instant: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            "update sessions set revoked_at = \(instant) where id = \(session) and revoked_at is null"
        ).affected > 0
    }
}
