import Contracts
import Foundation
import Postgres

/// The SQL of leads.
enum LeadStore {
    /// Nil also when the lead is in none of `workspaces`; nil of these is the whole company.
    static func find(
        _ lead: LeadID, of tenant: TenantID, visibleIn workspaces: [WorkspaceID]?, in database: Database
    ) async throws -> Lead? {
        try await database.query(
            as: tenant,
            "select \(Lead.columns) from leads l where l.tenant_id = \(tenant) and l.id = \(lead) and \(isVisible(in: workspaces))"
        ).first.map(Lead.init(row:))
    }

    /// As ``find(_:of:visibleIn:in:)``, held until the transaction ends.
    static func lock(
        _ lead: LeadID, of tenant: TenantID, visibleIn workspaces: [WorkspaceID]?, in transaction: Transaction
    ) async throws -> Lead? {
        try await transaction.query(
            """
            select \(Lead.columns) from leads l where l.tenant_id = \(tenant) and l.id = \(lead) and \(isVisible(in: workspaces)) for update of l
            """
        ).first.map(Lead.init(row:))
    }

    /// The company's lead with this address, held until the transaction ends.
    static func lock(address: String, of tenant: TenantID, in transaction: Transaction) async throws -> Lead? {
        try await transaction.query(
            "select \(Lead.columns) from leads l where l.tenant_id = \(tenant) and l.email = \(address) for update of l"
        ).first.map(Lead.init(row:))
    }

    /// A workspace's leads that fit, in order, behind a place.
    static func list(
        _ filter: LeadFilter, of tenant: TenantID, workspace: WorkspaceID, order: LeadOrder = .created, after position: LeadPosition?, limit: Int,
        in database: Database
    ) async throws -> [Lead] {
        try await database.query(
            as: tenant, list(filter, of: tenant, workspace: workspace, order: order, after: position, limit: limit)
        ).map(Lead.init(row:))
    }

    static func list(
        _ filter: LeadFilter, of tenant: TenantID, workspace: WorkspaceID, order: LeadOrder, after position: LeadPosition?, limit: Int
    ) -> SQL {
        let direction: SQL = order == .email ? "l.email" : "l.id desc"
        let found = filter.identifiers(in: workspace, order: order, after: position, limit: limit)
        return """
            select \(Lead.columns) from leads l where l.tenant_id = \(tenant) and l.id = any(array(\(found))) order by \(direction)
            """
    }

    /// Those of the leads that are there, the newest first.
    static func read(_ leads: [LeadID], of tenant: TenantID) -> SQL {
        "select \(Lead.columns) from leads l where l.tenant_id = \(tenant) and l.id = any(\(leads)) order by l.id desc"
    }

    /// The company's leads that are in no workspace, the newest first, behind one. It walks the leads and `lead_workspaces_lead` side by side.
    static func listUnattached(of tenant: TenantID, after position: LeadID?, limit: Int, in database: Database) async throws -> [Lead] {
        let start: SQL = if let position { "and l.id < \(position)" } else { "" }
        return try await database.query(
            as: tenant,
            """
            select \(Lead.columns) from leads l where l.tenant_id = \(tenant) \(start) and not exists (
                select from lead_workspaces w where w.tenant_id = \(tenant) and w.lead_id = l.id)
            order by l.id desc limit \(limit)
            """
        ).map(Lead.init(row:))
    }

    /// How many leads of a workspace fit, counted up to `limit`.
    static func count(
        _ filter: LeadFilter, of tenant: TenantID, workspace: WorkspaceID, upTo limit: Int, in database: Database
    ) async throws -> Int {
        let found = filter.identifiers(in: workspace, limit: limit)
        return try await database.query(as: tenant, "select count(*) as n from (\(found)) as found")[0].decode("n")
    }

    /// False when the company has a lead with this address.
    static func insert(_ lead: Lead, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            insert into leads (tenant_id, id, email, first_name, last_name, company, custom, time_zone, tags, status, status_changed_at, revision,
                created_at, updated_at)
            values (\(tenant), \(lead.id), \(lead.email), \(lead.firstName), \(lead.lastName), \(lead.company), \(try PostgresJSON(lead.custom)),
                \(lead.timeZone), \(lead.tags), \(lead.status), \(lead.statusChangedAt), \(lead.revision), \(lead.createdAt), \(lead.createdAt))
            on conflict (tenant_id, email) do nothing
            """
        ).affected == 1
    }

    static func update(_ lead: Lead, of tenant: TenantID, at instant: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update leads set first_name = \(lead.firstName), last_name = \(lead.lastName), company = \(lead.company),
                custom = \(try PostgresJSON(lead.custom)), time_zone = \(lead.timeZone), tags = \(lead.tags), status = \(lead.status),
                status_changed_at = \(lead.statusChangedAt), revision = \(lead.revision), updated_at = \(instant)
            where tenant_id = \(tenant) and id = \(lead.id)
            """)
    }

    /// The lead and what is told of it; its places in lists and workspaces are left before, and it must have no enrolment.
    static func delete(_ lead: LeadID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            "delete from lead_activities where tenant_id = \(tenant) and lead_id = \(lead)",
            // What the lead was before an import changed it.
            "delete from import_changes where tenant_id = \(tenant) and lead_id = \(lead)",
            "delete from lead_workspaces where tenant_id = \(tenant) and lead_id = \(lead)",
            "delete from leads where tenant_id = \(tenant) and id = \(lead)",
            LeadCounter.add(-1, of: tenant),
        ])
    }

    static func isEnrolled(_ lead: LeadID, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            "select exists (select from enrolments where tenant_id = \(tenant) and lead_id = \(lead)) as enrolled")[0].decode("enrolled")
    }

    private static func isVisible(in workspaces: [WorkspaceID]?) -> SQL {
        guard let workspaces else { return "true" }
        return """
            exists (select from lead_workspaces v where v.tenant_id = l.tenant_id and v.lead_id = l.id and v.workspace_id = any(\(workspaces)))
            """
    }
}
