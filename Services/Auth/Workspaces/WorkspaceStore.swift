import Contracts
import Foundation
import Postgres

/// The SQL of workspaces.
enum WorkspaceStore {
    /// Inserts with the first free slug; two that want the same one at the same time get different ones.
    static func insert(
        _ identifier: WorkspaceID, of tenant: TenantID, name: String, baseSlug: String, postalAddress: String?, at instant: Date,
        in transaction: Transaction
    ) async throws -> Workspace {
        // One maker at a time per tenant, so that the number chosen is still free when it is inserted.
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('workspace:' || \(tenant.description), 0))")
        let taken = Set(
            try await transaction.query(
                "select slug from workspaces where tenant_id = \(tenant) and (slug = \(baseSlug) or slug like \(baseSlug + "-%"))"
            ).map { try $0.decode("slug", as: String.self) })
        var slug = baseSlug
        var number = 2
        while taken.contains(slug) {
            slug = "\(baseSlug)-\(number)"
            number += 1
        }
        try await transaction.query(
            """
            insert into workspaces (tenant_id, id, name, slug, postal_address, created_at)
            values (\(tenant), \(identifier), \(name), \(slug), \(postalAddress), \(instant))
            """)
        return Workspace(id: identifier, name: name, slug: slug, postalAddress: postalAddress, createdAt: instant)
    }

    /// By name, after `start`: of those that the caller may use (nil is all).
    static func list(
        of tenant: TenantID, among visible: [WorkspaceID]?, after start: Workspace.Place?, limit: Int, in database: Database
    ) async throws -> [Workspace] {
        let rest: SQL = if let start { "and (name, id) > (\(start.name), \(start.id))" } else { "" }
        return try await database.query(
            as: tenant,
            """
            select id, name, slug, postal_address, created_at from workspaces
            where tenant_id = \(tenant) and closed_at is null and (\(visible)::uuid[] is null or id = any(\(visible)::uuid[])) \(rest)
            order by name, id limit \(limit)
            """
        ).map(workspace)
    }

    static func find(_ identifier: WorkspaceID, of tenant: TenantID, in database: Database) async throws -> Workspace? {
        try await database.query(
            as: tenant,
            """
            select id, name, slug, postal_address, created_at from workspaces
            where tenant_id = \(tenant) and id = \(identifier) and closed_at is null
            """
        ).first.map(workspace)
    }

    /// Held until the transaction ends, so that of two changes at once none is lost.
    static func lock(_ identifier: WorkspaceID, of tenant: TenantID, in transaction: Transaction) async throws -> Workspace? {
        try await transaction.query(
            """
            select id, name, slug, postal_address, created_at from workspaces
            where tenant_id = \(tenant) and id = \(identifier) and closed_at is null for update
            """
        ).first.map(workspace)
    }

    static func update(_ workspace: Workspace, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update workspaces set name = \(workspace.name), postal_address = \(workspace.postalAddress)
            where tenant_id = \(tenant) and id = \(workspace.id)
            """)
    }

    /// How many of these the tenant has.
    static func count(_ identifiers: Set<WorkspaceID>, of tenant: TenantID, in transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            select count(*) as n from workspaces where tenant_id = \(tenant) and closed_at is null and id = any(\(Array(identifiers)))
            """)[0].decode("n")
    }

    private static func workspace(_ row: Row) throws -> Workspace {
        Workspace(
            id: try row.decode("id"), name: try row.decode("name"), slug: try row.decode("slug"),
            postalAddress: try row.decodeOptional("postal_address"), createdAt: try row.decode("created_at"))
    }
}
