import Contracts
import Foundation
import Postgres

/// The SQL of leads' places in workspaces and lists; a list's own count goes with its members.
enum LeadMembershipStore {
    static func workspaces(of lead: LeadID, tenant: TenantID, in database: Database) async throws -> [WorkspaceID] {
        try await database.query(as: tenant, workspaces(of: lead, tenant: tenant)).map { try $0.decode("workspace_id") }
    }

    static func workspaces(of lead: LeadID, tenant: TenantID, in transaction: Transaction) async throws -> [WorkspaceID] {
        try await transaction.query(workspaces(of: lead, tenant: tenant)).map { try $0.decode("workspace_id") }
    }

    private static func workspaces(of lead: LeadID, tenant: TenantID) -> SQL {
        "select workspace_id from lead_workspaces where tenant_id = \(tenant) and lead_id = \(lead) order by workspace_id"
    }

    /// The lists of these workspaces that the lead is in, the oldest first.
    static func lists(of lead: LeadID, in workspaces: [WorkspaceID], tenant: TenantID, in database: Database) async throws -> [ListID] {
        try await database.query(
            as: tenant,
            """
            select l.id from list_members m join lists l on l.tenant_id = m.tenant_id and l.id = m.list_id
            where m.tenant_id = \(tenant) and m.lead_id = \(lead) and l.workspace_id = any(\(workspaces)) order by l.created_at, l.id
            """
        ).map { try $0.decode("id") }
    }

    /// Those of the leads that the workspace has, in the order of their identifiers.
    static func members(_ leads: [LeadID], of workspace: WorkspaceID, tenant: TenantID, in transaction: Transaction) async throws -> [LeadID] {
        try await transaction.query(
            """
            select lead_id from lead_workspaces where tenant_id = \(tenant) and workspace_id = \(workspace) and lead_id = any(\(leads))
            order by lead_id
            """
        ).map { try $0.decode("lead_id") }
    }

    /// Gives those that were not there before.
    static func attach(_ leads: [LeadID], to workspace: WorkspaceID, of tenant: TenantID, in transaction: Transaction) async throws -> [LeadID] {
        try await transaction.query(
            """
            insert into lead_workspaces (tenant_id, workspace_id, lead_id)
            select \(tenant), \(workspace), lead_id from unnest(\(leads)) as n (lead_id) order by lead_id on conflict do nothing returning lead_id
            """
        ).map { try $0.decode("lead_id") }
    }

    /// Keeps the lists that hold any of the leads, of these workspaces or (nil) of all, until the transaction ends. Everybody locks lists before
    /// leads and their places.
    static func lockLists(holding leads: [LeadID], of workspaces: [WorkspaceID]?, tenant: TenantID, in transaction: Transaction) async throws {
        guard !leads.isEmpty, workspaces?.isEmpty != true else { return }
        try await transaction.query(
            """
            select id from lists where tenant_id = \(tenant) and (\(workspaces)::uuid[] is null or workspace_id = any(\(workspaces))) and id in (
                select list_id from list_members where tenant_id = \(tenant) and lead_id = any(\(leads))) order by id for update
            """)
    }

    /// Takes leads out of a workspace and its lists; gives those that were there.
    static func detach(_ leads: [LeadID], from workspace: WorkspaceID, of tenant: TenantID, in transaction: Transaction) async throws -> [LeadID] {
        let gone = try await transaction.query(
            """
            delete from lead_workspaces where tenant_id = \(tenant) and workspace_id = \(workspace) and lead_id = any(\(leads)) returning lead_id
            """
        ).map { try $0.decode("lead_id", as: LeadID.self) }
        try await leaveLists(gone, of: workspace, tenant: tenant, in: transaction)
        return gone
    }

    /// Takes leads out of all lists of a workspace; nil is every workspace.
    static func leaveLists(_ leads: [LeadID], of workspace: WorkspaceID?, tenant: TenantID, in transaction: Transaction) async throws {
        guard !leads.isEmpty else { return }
        // Those that a lead has come into since they were locked, if any.
        try await lockLists(holding: leads, of: workspace.map { [$0] }, tenant: tenant, in: transaction)
        try await transaction.query(
            """
            with gone as (
                delete from list_members m where m.tenant_id = \(tenant) and m.lead_id = any(\(leads))
                    and (\(workspace)::uuid is null or exists (
                        select from lists o where o.tenant_id = m.tenant_id and o.id = m.list_id and o.workspace_id = \(workspace)))
                returning m.list_id)
            update lists l set leads = l.leads - g.members from (select list_id, count(*) as members from gone group by list_id) g
            where l.tenant_id = \(tenant) and l.id = g.list_id
            """)
    }

    /// Whether the workspace has the list; it stays until the transaction ends.
    static func lock(_ list: ListID, of workspace: WorkspaceID, tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            "select id from lists where tenant_id = \(tenant) and id = \(list) and workspace_id = \(workspace) for update"
        ).isEmpty
    }

    /// Gives those that were not in the list before.
    static func add(_ leads: [LeadID], to list: ListID, of tenant: TenantID, at instant: Date, in transaction: Transaction) async throws -> [LeadID] {
        let added = try await transaction.query(
            """
            insert into list_members (tenant_id, list_id, lead_id, added_at)
            select \(tenant), \(list), lead_id, \(instant) from unnest(\(leads)) as n (lead_id) order by lead_id on conflict do nothing
            returning lead_id
            """
        ).map { try $0.decode("lead_id", as: LeadID.self) }
        try await shift(list, by: added.count, of: tenant, in: transaction)
        return added
    }

    /// Gives those that were in the list.
    static func remove(_ leads: [LeadID], from list: ListID, of tenant: TenantID, in transaction: Transaction) async throws -> [LeadID] {
        let gone = try await transaction.query(
            "delete from list_members where tenant_id = \(tenant) and list_id = \(list) and lead_id = any(\(leads)) returning lead_id"
        ).map { try $0.decode("lead_id", as: LeadID.self) }
        try await shift(list, by: -gone.count, of: tenant, in: transaction)
        return gone
    }

    private static func shift(_ list: ListID, by change: Int, of tenant: TenantID, in transaction: Transaction) async throws {
        guard change != 0 else { return }
        try await transaction.query("update lists set leads = leads + \(change) where tenant_id = \(tenant) and id = \(list)")
    }
}
