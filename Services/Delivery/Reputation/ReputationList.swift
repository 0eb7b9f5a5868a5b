import Contracts
import Foundation
import Postgres

/// The last scores: a tenant's own for its requests, and everybody's for the platform's staff.
struct ReputationList: Sendable {
    struct Item: Encodable, Sendable {
        /// Only in staff's list.
        let tenant: TenantID?
        let scope: ReputationScope
        /// The domain, or the mailbox' identifier.
        let subject: String
        /// The domain, or the mailbox' address.
        let name: String
        let score: Int?
        let band: ReputationScore.Band?
        let reason: String?
        let accepted: Int
        let bounces: Int
        let complaints: Int
        let unsubscribes: Int
        let isListed: Bool
        /// `pause` or `stop` while complaints hold it.
        let hold: ComplaintBreaker.Level?
        let checkedAt: Date?

        fileprivate init(row: Row, tenant: TenantID?) throws(PostgresError) {
            self.tenant = tenant
            scope = try row.decode("scope")
            subject = try row.decode("subject")
            name = try row.decode("name")
            score = try row.decodeOptional("score")
            band = try row.decodeOptional("band", as: String.self).flatMap(ReputationScore.Band.init)
            reason = try row.decodeOptional("reason")
            accepted = try row.decodeOptional("accepted") ?? 0
            bounces = try row.decodeOptional("bounces") ?? 0
            complaints = try row.decodeOptional("complaints") ?? 0
            unsubscribes = try row.decodeOptional("unsubscribes") ?? 0
            isListed = try row.decode("listed")
            hold = try row.decodeOptional("hold", as: String.self).flatMap(ComplaintBreaker.Level.init)
            checkedAt = try row.decodeOptional("checked_at")
        }
    }

    struct Filter: Sendable {
        var scope: ReputationScope?
        var band: ReputationScore.Band?
        var isHeld: Bool?
    }

    /// Where the next page of a tenant's list starts.
    struct Place: Codable, Sendable {
        let scope: ReputationScope
        let subject: String
    }

    /// Where the next page of staff's list starts.
    struct PlatformPlace: Codable, Sendable {
        let tenant: TenantID
        let scope: ReputationScope
        let subject: String
    }

    /// Of requests.
    let api: Database
    let worker: Database

    private static let columns: SQL = """
        r.score, r.band, coalesce(r.reason, case when r.score is null then \(ReputationScore.notEnoughMail) end) as reason, r.accepted, r.bounces,
        r.complaints, r.unsubscribes, r.checked_at
        """

    /// The domains and mailboxes of a tenant's workspaces (nil is all), whether they have a score or not; domains first.
    func own(of tenant: TenantID, in workspaces: [WorkspaceID]?, _ filter: Filter, after place: Place?, limit: Int) async throws -> [Item] {
        try await api.query(
            as: tenant,
            """
            with own as (
                select m.id::text as id, m.address, split_part(m.address, '@', 2) as domain, lower(m.smtp_host) as host from mailboxes m
                where m.tenant_id = \(tenant) and (\(workspaces)::uuid[] is null or m.workspace_id = any(\(workspaces)))
            ), subjects as (
                select distinct 'domain' as scope, o.domain as subject, o.domain as name, o.domain from own o
                union all
                select 'mailbox', o.id, o.address, o.domain from own o
            )
            select s.scope, s.subject, s.name, \(Self.columns),
                exists (select from blacklist_results b where b.tenant_id = \(tenant) and b.kind = 'domain' and b.subject = s.domain
                    and b.status = 'listed') as listed,
                (select max(h.level) from complaint_holds h where h.tenant_id = \(tenant) and (h.scope = 'tenant' or h.subject = s.domain)) as hold
            from subjects s left join reputations r on r.tenant_id = \(tenant) and r.scope = s.scope and r.subject = s.subject
            where (s.scope, s.subject) > (\(place?.scope.rawValue ?? ""), \(place?.subject ?? ""))
              and (\(filter.scope?.rawValue)::text is null or s.scope = \(filter.scope?.rawValue))
              and (\(filter.band?.rawValue)::text is null or r.band = \(filter.band?.rawValue))
              and (\(filter.isHeld)::boolean is null or \(filter.isHeld) = exists (
                  select from complaint_holds h where h.tenant_id = \(tenant) and (h.scope = 'tenant' or h.subject = s.domain)))
            order by s.scope, s.subject limit \(limit)
            """
        ).map { try Item(row: $0, tenant: nil) }
    }

    /// Every tenant's, or one's, in the order of tenants.
    func everybody(tenant: TenantID?, _ filter: Filter, after place: PlatformPlace?, limit: Int) async throws -> [Item] {
        try await worker.query(
            """
            select r.tenant_id, r.scope, r.subject, coalesce(m.address, r.subject) as name, \(Self.columns),
                exists (select from blacklist_results b where b.tenant_id = r.tenant_id and b.kind = 'domain' and b.subject = n.domain
                    and b.status = 'listed') as listed,
                h.level as hold
            from reputations r
            left join mailboxes m on r.scope = 'mailbox' and m.tenant_id = r.tenant_id
                and m.id = case when r.scope = 'mailbox' then r.subject::uuid end
            cross join lateral (select case when r.scope = 'domain' then r.subject else split_part(m.address, '@', 2) end as domain) n
            left join lateral (
                select max(x.level) as level from complaint_holds x where x.tenant_id = r.tenant_id and (x.scope = 'tenant' or x.subject = n.domain)
            ) h on true
            where (r.tenant_id, r.scope, r.subject) > (\(place?.tenant ?? .zero), \(place?.scope.rawValue ?? ""), \(place?.subject ?? ""))
              and (\(tenant)::uuid is null or r.tenant_id = \(tenant))
              and (\(filter.scope?.rawValue)::text is null or r.scope = \(filter.scope?.rawValue))
              and (\(filter.band?.rawValue)::text is null or r.band = \(filter.band?.rawValue))
              and (\(filter.isHeld)::boolean is null or \(filter.isHeld) = (h.level is not null))
            order by r.tenant_id, r.scope, r.subject limit \(limit)
            """
        ).map { try Item(row: $0, tenant: try $0.decode("tenant_id")) }
    }
}
