import Contracts
import Foundation
import Postgres

/// The SQL of campaigns.
enum CampaignStore {
    private static let columns: SQL = """
        c.id, c.workspace_id, c.name, c.template_id, c.template_version, c.mailbox_id, c.status, c.version, c.status_reason, c.created_at,
        c.launched_at, c.completed_at
        """

    static func insert(_ campaign: Campaign, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            """
            insert into campaigns (tenant_id, id, workspace_id, name, template_id, template_version, mailbox_id, status, created_at)
            values (\(tenant), \(campaign.id), \(campaign.workspace), \(campaign.name), \(campaign.template), \(campaign.templateVersion),
                    \(campaign.mailbox), \(campaign.status), \(campaign.createdAt))
            """,
            "insert into campaign_counters (tenant_id, campaign_id) values (\(tenant), \(campaign.id))",
        ])
    }

    static func find(_ campaign: CampaignID, of tenant: TenantID, in database: Database) async throws -> Campaign? {
        try await database.query(
            as: tenant, "select \(columns) from campaigns c where c.tenant_id = \(tenant) and c.id = \(campaign)"
        ).first.map(Self.campaign)
    }

    static func list(of tenant: TenantID, after start: CampaignID?, limit: Int, in database: Database) async throws -> [Campaign] {
        let first = start ?? CampaignID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        return try await database.query(
            as: tenant, "select \(columns) from campaigns c where c.tenant_id = \(tenant) and c.id > \(first) order by c.id limit \(limit)"
        ).map(Self.campaign)
    }

    /// Changes the status if it is still `from`; gives the new version.
    static func move(
        _ campaign: CampaignID, of tenant: TenantID, from: CampaignStatus, to next: CampaignStatus, reason: String?, at instant: Date,
        in transaction: Transaction
    ) async throws -> Int64? {
        try await transaction.query(
            """
            update campaigns set status = \(next), version = version + 1, status_reason = \(reason),
                completed_at = case when \(next.rawValue) = 'completed' then \(instant)::timestamptz else completed_at end
            where tenant_id = \(tenant) and id = \(campaign) and status = \(from) returning version
            """
        ).first?.decode("version")
    }

    /// From draft to active, with what every mail of it will carry.
    static func launch(
        _ campaign: CampaignID, of tenant: TenantID, postalAddress: String, at instant: Date, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            update campaigns set status = 'active', version = version + 1, postal_address = \(postalAddress), launched_at = \(instant)
            where tenant_id = \(tenant) and id = \(campaign) and status = 'draft'
            """
        ).affected > 0
    }

    static func countLeads(of workspace: WorkspaceID, tenant: TenantID, in database: Database) async throws -> Int64 {
        try await database.query(
            as: tenant, "select count(*) as n from lead_workspaces where tenant_id = \(tenant) and workspace_id = \(workspace)")[0].decode("n")
    }

    /// Ends an active campaign whose enrolling is done and in which nothing is under way; true when it ended now.
    static func completeIfDone(_ campaign: CampaignID, of tenant: TenantID, at instant: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            update campaigns c set status = 'completed', version = version + 1, completed_at = \(instant), waiting_reason = null,
                status_reason = case when k.held > 0 then 'with ' || k.held || ' held' end
            from campaign_counters k
            where c.tenant_id = \(tenant) and c.id = \(campaign) and c.status = 'active' and c.is_enrolled
              and k.tenant_id = c.tenant_id and k.campaign_id = c.id and k.waiting + k.queued + k.deferred = 0
            """
        ).affected > 0
    }

    private static func campaign(_ row: Row) throws -> Campaign {
        Campaign(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), name: try row.decode("name"),
            template: try row.decode("template_id"), templateVersion: try row.decode("template_version"), mailbox: try row.decode("mailbox_id"),
            status: try row.decode("status"), version: try row.decode("version"), statusReason: try row.decodeOptional("status_reason"),
            createdAt: try row.decode("created_at"), launchedAt: try row.decodeOptional("launched_at"),
            completedAt: try row.decodeOptional("completed_at"))
    }
}
