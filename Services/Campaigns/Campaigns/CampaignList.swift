import Contracts
import Foundation
import HTTP
import Postgres

/// Which campaigns are asked for; everything that is given must fit.
struct CampaignFilter: Sendable {
    /// Nil is every one of the tenant.
    let workspaces: [WorkspaceID]?
    /// What the name contains, whatever the case.
    let name: String?
    let status: CampaignStatus?
}

/// A campaign in a list, with how far it is.
struct CampaignEntry: Encodable, Sendable {
    struct Progress: Encodable, Sendable {
        /// Enrolments.
        let total: Int64
        /// Of these, those for which nothing is to come.
        let ended: Int64
        let replied: Int64
        let held: Int64
        let failed: Int64
        /// Mails that went out, of all steps.
        let sent: Int64
    }

    let campaign: Campaign
    let progress: Progress

    private enum CodingKeys: String, CodingKey { case progress }

    func encode(to encoder: any Encoder) throws {
        try campaign.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(progress, forKey: .progress)
    }
}

/// A page of campaigns; the first one says how many there are of each status.
struct CampaignListing: Encodable, Sendable {
    let data: [CampaignEntry]
    let page: Page<CampaignEntry>.Links
    /// By status, of all pages and whatever status was asked for; nil on later pages.
    let counts: [String: Int64]?

    init(_ entries: [CampaignEntry], limit: Int, counts: [String: Int64]?) {
        let page = Page(entries, limit: limit) { $0.campaign.id }
        data = page.data
        self.page = page.page
        self.counts = counts
    }
}

extension CampaignStore {
    /// Newest first, before `start`, each with its counters, in one question.
    static func list(
        _ filter: CampaignFilter, of tenant: TenantID, before start: CampaignID?, limit: Int, in database: Database
    ) async throws -> [CampaignEntry] {
        try await database.query(
            as: tenant,
            """
            select p.*, coalesce(k.total, 0)::bigint as enrolled, coalesce(k.waiting + k.queued + k.deferred + k.held, 0)::bigint as under_way,
                coalesce(k.replied, 0)::bigint as replied, coalesce(k.held, 0)::bigint as held, coalesce(k.failed, 0)::bigint as failed,
                coalesce((select sum(t.sent) from step_stats t where t.tenant_id = \(tenant) and t.campaign_id = p.id), 0)::bigint as sent
            from (
                select \(columns) from \(source) where \(condition(filter, of: tenant)) and (\(start)::uuid is null or c.id < \(start))
                  and (\(filter.status?.rawValue)::text is null or c.status = \(filter.status?.rawValue))
                order by c.id desc limit \(limit)) p
            left join campaign_counters k on k.tenant_id = \(tenant) and k.campaign_id = p.id
            order by p.id desc
            """
        ).map { row in
            let total: Int64 = try row.decode("enrolled")
            return CampaignEntry(
                campaign: try campaign(row),
                progress: .init(
                    total: total, ended: total - (try row.decode("under_way")), replied: try row.decode("replied"), held: try row.decode("held"),
                    failed: try row.decode("failed"), sent: try row.decode("sent")))
        }
    }

    /// How many campaigns there are of each status, whatever status the filter names.
    static func counts(_ filter: CampaignFilter, of tenant: TenantID, in database: Database) async throws -> [String: Int64] {
        let rows = try await database.query(
            as: tenant, "select c.status, count(*) as n from campaigns c where \(condition(filter, of: tenant)) group by c.status")
        var counts = Dictionary(uniqueKeysWithValues: CampaignStatus.allCases.map { ($0.rawValue, Int64(0)) })
        for row in rows {
            let status: String = try row.decode("status")
            counts[status] = try row.decode("n") as Int64
        }
        return counts
    }

    /// All but status and place; a tenant's campaigns are few, and the primary key has them together.
    private static func condition(_ filter: CampaignFilter, of tenant: TenantID) -> SQL {
        """
        c.tenant_id = \(tenant) and (\(filter.workspaces)::uuid[] is null or c.workspace_id = any(\(filter.workspaces)::uuid[]))
          and (\(filter.name)::text is null or strpos(lower(c.name), lower(\(filter.name)::text)) > 0)
        """
    }
}
