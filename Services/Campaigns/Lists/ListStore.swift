import Contracts
import Foundation
import Postgres

/// The SQL of lists and of who is in them.
enum ListStore {
    private static let columns: SQL = "k.id, k.workspace_id, k.name, k.leads, k.revision, k.created_at"

    static func insert(_ list: LeadList, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into lists (tenant_id, id, workspace_id, name, leads, revision, created_at)
            values (\(tenant), \(list.id), \(list.workspace), \(list.name), \(list.leads), \(list.revision), \(list.createdAt))
            """)
    }

    static func find(_ list: ListID, of tenant: TenantID, in database: Database) async throws -> LeadList? {
        try await database.query(
            as: tenant, "select \(columns) from lists k where k.tenant_id = \(tenant) and k.id = \(list)"
        ).first.map(Self.leadList)
    }

    static func find(_ list: ListID, of tenant: TenantID, in transaction: Transaction) async throws -> LeadList? {
        try await transaction.query("select \(columns) from lists k where k.tenant_id = \(tenant) and k.id = \(list)").first.map(Self.leadList)
    }

    /// Held until the transaction ends: who is in a list is changed by one at a time, so that its count stays right.
    static func lock(_ list: ListID, of tenant: TenantID, in transaction: Transaction) async throws -> LeadList? {
        try await transaction.query(
            "select \(columns) from lists k where k.tenant_id = \(tenant) and k.id = \(list) for update"
        ).first.map(Self.leadList)
    }

    /// Those of the workspaces, nil for all of the tenant's.
    static func list(
        of tenant: TenantID, workspaces: [WorkspaceID]?, after start: ListID?, limit: Int, in database: Database
    ) async throws -> [LeadList] {
        let first = start ?? ListID.zero
        return try await database.query(
            as: tenant,
            """
            select \(columns) from lists k
            where k.tenant_id = \(tenant) and k.id > \(first) and (\(workspaces)::uuid[] is null or k.workspace_id = any(\(workspaces)))
            order by k.id limit \(limit)
            """
        ).map(Self.leadList)
    }

    static func rename(_ list: LeadList, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            "update lists set name = \(list.name), revision = \(list.revision) where tenant_id = \(tenant) and id = \(list.id)")
    }

    static func delete(_ list: ListID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            "delete from list_members where tenant_id = \(tenant) and list_id = \(list)",
            "delete from lists where tenant_id = \(tenant) and id = \(list)",
        ])
    }

    // MARK: - Members

    /// Puts those of the leads that are attached to the list's workspace into a list that is locked; counts them in the same commit.
    static func add(
        _ leads: Set<LeadID>, to list: LeadList, of tenant: TenantID, at instant: Date, in transaction: Transaction
    ) async throws -> ListAddition {
        let attached = try await LeadMembershipStore.members(Array(leads), of: list.workspace, tenant: tenant, in: transaction)
        let added = try await LeadMembershipStore.add(attached, to: list.id, of: tenant, at: instant, in: transaction).count
        return ListAddition(
            added: added, known: attached.count - added, skipped: leads.count - attached.count, leads: list.leads + Int64(added))
    }

    /// Takes the leads out of a list that is locked; counts them in the same commit.
    static func remove(_ leads: Set<LeadID>, from list: LeadList, of tenant: TenantID, in transaction: Transaction) async throws -> ListRemoval {
        let removed = try await LeadMembershipStore.remove(Array(leads), from: list.id, of: tenant, in: transaction).count
        return ListRemoval(removed: removed, leads: list.leads - Int64(removed))
    }

    private static func leadList(_ row: Row) throws -> LeadList {
        LeadList(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), name: try row.decode("name"), leads: try row.decode("leads"),
            revision: try row.decode("revision"), createdAt: try row.decode("created_at"))
    }
}
