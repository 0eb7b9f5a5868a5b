import Contracts
import Foundation
import Postgres

/// A person, as the operator's people see one.
struct PlatformUser: Sendable, Encodable {
    let id: UserID
    let email: String
    let name: String
    let verified: Bool
    let createdAt: Date
    let suspendedAt: Date?
    let suspendedReason: String?
    let staffRole: String?
}

/// A company, as the operator's people see one.
struct PlatformTenant: Sendable, Encodable {
    let id: TenantID
    let name: String
    let members: Int
    let createdAt: Date
    let suspendedAt: Date?
    let suspendedReason: String?
}

/// The SQL by which the operator's people find somebody; by the beginning of an address or a name, since that has an index.
enum PlatformDirectory {
    static func users(startingWith prefix: String, after start: UserID?, limit: Int, in database: Database) async throws -> [PlatformUser] {
        try await database.query(
            """
            select \(userColumns) from users.users u left join staff f on f.user_id = u.id
            where u.deleted is null and u.email like \(pattern(prefix)) and (\(start)::uuid is null or u.id < \(start)) order by u.id desc limit \(limit)
            """
        ).map(user)
    }

    static func user(_ id: UserID, in database: Database) async throws -> PlatformUser? {
        try await database.query(
            "select \(userColumns) from users.users u left join staff f on f.user_id = u.id where u.id = \(id) and u.deleted is null"
        ).first.map(user)
    }

    static func tenants(startingWith prefix: String, after start: TenantID?, limit: Int, in database: Database) async throws -> [PlatformTenant] {
        try await database.query(
            """
            select \(tenantColumns) from public.tenants t
            where t.deleted is null and lower(t.name) like \(pattern(prefix)) and (\(start)::uuid is null or t.id < \(start))
            order by t.id desc limit \(limit)
            """
        ).map(tenant)
    }

    static func tenant(_ id: TenantID, in database: Database) async throws -> PlatformTenant? {
        try await database.query("select \(tenantColumns) from public.tenants t where t.id = \(id) and t.deleted is null").first.map(tenant)
    }

    /// What people type is no pattern.
    private static func pattern(_ prefix: String) -> String {
        prefix.lowercased().reduce(into: "") { $0 += "\\%_".contains($1) ? "\\\($1)" : "\($1)" } + "%"
    }

    private static let userColumns: SQL = """
        u.id, u.email, coalesce(u.name, '') as name, u.email_verified is not null as verified, u.created, u.suspended_at, u.suspended_reason,
        f.role as staff_role
        """
    private static let tenantColumns: SQL = """
        t.id, t.name, t.created, t.suspended_at, t.suspended_reason,
        (select count(*) from users.tenant_users m where m.tenant_id = t.id and m.deleted is null) as members
        """

    private static func user(_ row: Row) throws -> PlatformUser {
        PlatformUser(
            id: try row.decode("id"), email: try row.decode("email"), name: try row.decode("name"), verified: try row.decode("verified"),
            createdAt: try row.decode("created"), suspendedAt: try row.decodeOptional("suspended_at"),
            suspendedReason: try row.decodeOptional("suspended_reason"), staffRole: try row.decodeOptional("staff_role"))
    }

    private static func tenant(_ row: Row) throws -> PlatformTenant {
        PlatformTenant(
            id: try row.decode("id"), name: try row.decode("name"), members: try row.decode("members"), createdAt: try row.decode("created"),
            suspendedAt: try row.decodeOptional("suspended_at"), suspendedReason: try row.decodeOptional("suspended_reason"))
    }
}
