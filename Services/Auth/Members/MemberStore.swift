import Contracts
import Crypto
import Foundation
import HTTP
import Postgres
import Primitives

/// The SQL of memberships and invitations. Whoever changes them locks the company first, so that two owners never leave at once.
enum MemberStore {
    /// False when there is no such company.
    static func lock(_ tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query("select id from public.tenants where id = \(tenant) and deleted is null for update").isEmpty
    }

    /// Whether one may work there: it exists and is not suspended.
    static func isOpen(_ tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            "select 1 as one from public.tenants where id = \(tenant) and deleted is null and suspended_at is null"
        ).isEmpty
    }

    /// In the order in which they joined, after `start`.
    static func list(of tenant: TenantID, after start: Member.Place?, limit: Int, in database: Database) async throws -> [Member] {
        // What the place says and not what its member is now: who has left meanwhile ends no page early.
        let rest: SQL = if let start { "and (m.created, m.user_id) > (\(start.joinedAt), \(start.user))" } else { "" }
        return try await database.query(
            """
            select \(columns) from users.tenant_users m join users.users u on u.id = m.user_id and u.deleted is null
            where m.tenant_id = \(tenant) and m.deleted is null \(rest)
            order by m.created, m.user_id limit \(limit)
            """
        ).map(member)
    }

    static func find(_ user: UserID, of tenant: TenantID, in transaction: Transaction) async throws -> Member? {
        try await transaction.query(
            """
            select \(columns) from users.tenant_users m join users.users u on u.id = m.user_id and u.deleted is null
            where m.tenant_id = \(tenant) and m.user_id = \(user) and m.deleted is null
            """
        ).first.map(member)
    }

    static func owners(of tenant: TenantID, in transaction: Transaction) async throws -> Int {
        try await transaction.query(
            "select count(*) as n from users.tenant_users where tenant_id = \(tenant) and deleted is null and roles[1] = 'owner'")[0].decode("n")
    }

    /// Adds somebody, also somebody who was removed before. `seat`: the invitation whose place under the plan's limit they take over; that it was
    /// theirs is kept, since a later one takes its place in the row.
    static func add(
        _ user: UserID, email: String, to tenant: TenantID, as role: Role, workspaces: [WorkspaceID]?, seat: UUID? = nil, at now: Date,
        in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            insert into users.tenant_users (tenant_id, user_id, roles, email, workspaces, seat, created, updated)
            values (\(tenant), \(user), \([role.rawValue]), \(email), \(workspaces), \(seat), \(now), \(now))
            on conflict (tenant_id, user_id) do update set roles = excluded.roles, workspaces = excluded.workspaces, seat = excluded.seat,
                created = excluded.created, updated = excluded.updated, deleted = null
            """)
        guard let seat else { return }
        try await transaction.query(
            """
            insert into trail_invitations (tenant_id, id, user_id) values (\(tenant), \(seat), \(user))
            on conflict (tenant_id, id) do update set user_id = excluded.user_id
            """)
    }

    static func set(_ role: Role, _ workspaces: [WorkspaceID]?, of user: UserID, in tenant: TenantID, at now: Date, _ transaction: Transaction)
        async throws
    {
        try await transaction.query(
            """
            update users.tenant_users set roles = \([role.rawValue]), workspaces = \(workspaces), updated = \(now)
            where tenant_id = \(tenant) and user_id = \(user) and deleted is null
            """)
    }

    /// The key of the place that they leave; nil when they were no member.
    static func remove(_ user: UserID, from tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> UUID? {
        try await transaction.query(
            """
            update users.tenant_users set deleted = \(now), updated = \(now)
            where tenant_id = \(tenant) and user_id = \(user) and deleted is null returning coalesce(seat, user_id) as place
            """
        ).first?.decode("place")
    }

    /// The companies a person works in.
    static func memberships(of user: UserID, in database: Database) async throws -> [Membership] {
        try await database.query(
            """
            select m.tenant_id, t.name, m.roles[1] as role from users.tenant_users m join public.tenants t on t.id = m.tenant_id
            where m.user_id = \(user) and m.deleted is null and t.deleted is null order by m.created, m.tenant_id limit 1000
            """
        ).map { Membership(tenant: try $0.decode("tenant_id"), tenantName: try $0.decode("name"), role: try $0.decode("role")) }
    }

    private static let columns: SQL = "m.user_id, coalesce(u.name, '') as name, u.email, m.roles[1] as role, m.workspaces, m.created"

    private static func member(_ row: Row) throws -> Member {
        Member(
            user: try row.decode("user_id"), name: try row.decode("name"), email: try row.decode("email"), role: try row.decode("role"),
            workspaces: try row.decodeOptional("workspaces"), joinedAt: try row.decode("created"))
    }
}

/// The SQL of invitations.
enum InvitationStore {
    struct Open: Sendable {
        let tenant: TenantID
        let tenantName: String
        let invitation: Invitation
    }

    /// False when the address has an open one; one that has run out makes room. Its identifier is kept for as long as the company, with whose address
    /// it is, if it is proven to be somebody's: the row goes with its time, the address in the trail does not.
    static func insert(
        _ invitation: Invitation, of tenant: TenantID, by user: UserID, token: String, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            update invitations set revoked_at = \(invitation.createdAt)
            where tenant_id = \(tenant) and address = \(invitation.address) and accepted_at is null and revoked_at is null
              and expires_at <= \(invitation.createdAt)
            """)
        let isNew =
            try await transaction.query(
                """
                insert into invitations (tenant_id, id, address, role, workspaces, token_digest, invited_by, created_at, expires_at)
                values (\(tenant), \(invitation.id), \(invitation.address), \(invitation.role), \(invitation.workspaces), \(digest(token)), \(user),
                        \(invitation.createdAt), \(invitation.expiresAt))
                on conflict (tenant_id, address) where accepted_at is null and revoked_at is null do nothing
                """
            ).affected > 0
        guard isNew else { return false }
        try await transaction.query(
            """
            insert into trail_invitations (tenant_id, id, user_id) values (\(tenant), \(invitation.id), (
                select id from users.users where email = \(invitation.address) and deleted is null and email_verified is not null))
            """)
        return true
    }

    /// The newest first, before `start`.
    static func list(
        of tenant: TenantID, at now: Date, before start: EntityID<Invitation>?, limit: Int, in database: Database
    ) async throws -> [Invitation] {
        try await database.query(
            as: tenant,
            """
            select id, address, role, workspaces, created_at, expires_at from invitations
            where tenant_id = \(tenant) and accepted_at is null and revoked_at is null and expires_at > \(now)
              and (\(start)::uuid is null or id < \(start)) order by id desc limit \(limit)
            """
        ).map(invitation)
    }

    static func revoke(_ id: UUID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> String? {
        try await transaction.query(
            """
            update invitations set revoked_at = \(now) where tenant_id = \(tenant) and id = \(id) and accepted_at is null and revoked_at is null
            returning address
            """
        ).first?.decode("address")
    }

    /// Ends those that have run out; the keys of the places that this frees.
    static func endRunOut(of tenant: TenantID, at now: Date, in database: Database) async throws -> [UUID] {
        try await database.query(
            """
            update invitations set revoked_at = \(now)
            where tenant_id = \(tenant) and accepted_at is null and revoked_at is null and expires_at <= \(now) returning id
            """
        ).map { try $0.decode("id") }
    }

    /// The open invitation of a mailed token.
    static func find(_ token: String, at now: Date, in transaction: Transaction) async throws -> Open? {
        try await transaction.query(
            """
            select i.tenant_id, t.name, i.id, i.address, i.role, i.workspaces, i.created_at, i.expires_at
            from invitations i join public.tenants t on t.id = i.tenant_id and t.deleted is null
            where i.token_digest = \(digest(token)) and i.accepted_at is null and i.revoked_at is null and i.expires_at > \(now)
            """
        ).first.map { Open(tenant: try $0.decode("tenant_id"), tenantName: try $0.decode("name"), invitation: try invitation($0)) }
    }

    /// False when somebody else just used it up.
    static func accept(_ open: Open, at now: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            update invitations set accepted_at = \(now)
            where tenant_id = \(open.tenant) and id = \(open.invitation.id) and accepted_at is null and revoked_at is null
            """
        ).affected > 0
    }

    private static func invitation(_ row: Row) throws -> Invitation {
        Invitation(
            id: try row.decode("id"), address: try row.decode("address"), role: try row.decode("role"),
            workspaces: try row.decodeOptional("workspaces"), createdAt: try row.decode("created_at"), expiresAt: try row.decode("expires_at"))
    }

    private static func digest(_ token: String) -> Data {
        Data(SHA256.hash(data: Data(token.utf8)))
    }
}
