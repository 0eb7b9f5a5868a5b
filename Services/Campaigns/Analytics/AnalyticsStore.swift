import Contracts
import Foundation
import Postgres

/// By what figures are told apart.
enum AnalyticsGrouping: String, Encodable, Sendable, CaseIterable {
    case whole = "none"
    case step
    case variant
    case day

    fileprivate var columns: SQL {
        switch self {
        case .whole: "null::text as day, null::integer as step, null::text as variant"
        case .step: "null::text as day, t.step, null::text as variant"
        case .variant: "null::text as day, t.step, t.variant"
        case .day: "t.day::text as day, null::integer as step, null::text as variant"
        }
    }

    fileprivate var clauses: SQL {
        switch self {
        case .whole: ""
        case .step: "group by t.step order by t.step"
        case .variant: "group by t.step, t.variant order by t.step, t.variant"
        case .day: "group by t.day order by t.day"
        }
    }
}

/// Figures of what a grouping tells apart: the other names are nil.
struct StatRow: Sendable, Equatable {
    var day: String?
    var step: Int?
    var variant: String?
    let figures: MailFigures
}

/// The SQL of figures: everything is read from `step_stats`, by the campaign's part of its primary key.
enum AnalyticsStore {
    static func rows(
        of campaign: CampaignID, tenant: TenantID, in range: DayRange, by grouping: AnalyticsGrouping, in database: Database
    ) async throws -> [StatRow] {
        try await database.query(
            as: tenant,
            """
            select \(grouping.columns), \(MailFigures.sums) from step_stats t
            where t.tenant_id = \(tenant) and t.campaign_id = \(campaign) \(range.condition) \(grouping.clauses)
            """
        ).map(row)
    }

    /// By day; of one step, or of one variant of it.
    static func days(
        of campaign: CampaignID, tenant: TenantID, in range: DayRange, step: Int?, variant: String?, in database: Database
    ) async throws -> [Int: MailFigures] {
        let rows = try await database.query(
            as: tenant,
            """
            select t.day::text as day, \(MailFigures.sums) from step_stats t
            where t.tenant_id = \(tenant) and t.campaign_id = \(campaign) \(range.condition)
              and (\(step)::bigint is null or t.step = \(step)) and (\(variant)::text is null or t.variant = \(variant))
            group by t.day
            """)
        return try rows.reduce(into: [:]) { days, row in
            if let day = CivilDay.number(of: try row.decode("day", as: String.self)) { days[day] = try MailFigures(row: row) }
        }
    }

    /// The first and the last day that has figures; nil when none has.
    static func span(of campaign: CampaignID, tenant: TenantID, in database: Database) async throws -> ClosedRange<Int>? {
        let row = try await database.query(
            as: tenant,
            """
            select min(t.day)::text as first, max(t.day)::text as last from step_stats t
            where t.tenant_id = \(tenant) and t.campaign_id = \(campaign)
            """)[0]
        guard let first = try row.decodeOptional("first", as: String.self).flatMap({ CivilDay.number(of: $0) }),
            let last = try row.decodeOptional("last", as: String.self).flatMap({ CivilDay.number(of: $0) })
        else { return nil }
        return first...last
    }

    /// Days, steps and variants one by one, after `last`, in their order.
    static func lines(
        of campaign: CampaignID, tenant: TenantID, in range: DayRange, after last: StatRow?, limit: Int, in database: Database
    ) async throws -> [StatRow] {
        var isBehind: SQL = ""
        if let last, let day = last.day, let step = last.step, let variant = last.variant {
            isBehind = "and (t.day, t.step, t.variant) > (\(day)::date, \(step), \(variant))"
        }
        return try await database.query(
            as: tenant,
            """
            select t.day::text as day, t.step, t.variant, \(MailFigures.columns) from step_stats t
            where t.tenant_id = \(tenant) and t.campaign_id = \(campaign) \(range.condition) \(isBehind)
            order by t.day, t.step, t.variant limit \(limit)
            """
        ).map(row)
    }

    /// The newest campaigns of a workspace before `start`, each with its figures.
    static func campaigns(
        in workspace: WorkspaceID, of tenant: TenantID, range: DayRange, before start: CampaignID?, limit: Int, in database: Database
    ) async throws -> [WorkspaceAnalytics.Entry] {
        let isBefore = start.map { start -> SQL in "and c.id < \(start)" } ?? ""
        return try await database.query(
            as: tenant,
            """
            select c.id, c.name, c.status, c.launched_at, f.sent, f.refused, f.bounced, f.opened, f.machine_opened, f.clicked, f.replied,
                   f.complained, f.unsubscribed
            from (
                select c.tenant_id, c.id, c.name, c.status, c.launched_at from campaigns c
                where c.tenant_id = \(tenant) and c.workspace_id = \(workspace) \(isBefore) order by c.id desc limit \(limit)) c
            cross join lateral (
                select \(MailFigures.sums) from step_stats t where t.tenant_id = c.tenant_id and t.campaign_id = c.id \(range.condition)) f
            order by c.id desc
            """
        ).map { row in
            WorkspaceAnalytics.Entry(
                campaign: try row.decode("id"), name: try row.decode("name"), status: try row.decode("status"),
                launchedAt: try row.decodeOptional("launched_at"), figures: try MailFigures(row: row))
        }
    }

    // MARK: - Names

    /// What templates are called, the deleted ones too.
    static func templateNames(_ templates: Set<TemplateID>, of tenant: TenantID, in database: Database) async throws -> [TemplateID: String] {
        guard !templates.isEmpty else { return [:] }
        let rows = try await database.query(
            as: tenant, "select id, name from templates where tenant_id = \(tenant) and id = any(\(Array(templates)))")
        return try rows.reduce(into: [:]) { names, row in names[try row.decode("id")] = try row.decode("name", as: String.self) }
    }

    /// Variants that have won their tests, by step.
    static func winners(of campaign: CampaignID, tenant: TenantID, in database: Database) async throws -> [Int: String] {
        let rows = try await database.query(
            as: tenant,
            "select step, winner from step_tests where tenant_id = \(tenant) and campaign_id = \(campaign) and winner is not null")
        return try rows.reduce(into: [:]) { winners, row in winners[try row.decode("step")] = try row.decode("winner", as: String.self) }
    }

    /// Earlier versions of a campaign's steps, the newest first; of more than a hundred edits the last hundred.
    static func earlier(than version: Int, of campaign: CampaignID, tenant: TenantID, in database: Database) async throws -> [CampaignSequence] {
        try await database.query(
            as: tenant,
            """
            select version, steps from campaign_sequences
            where tenant_id = \(tenant) and campaign_id = \(campaign) and version < \(version) order by version desc limit 100
            """
        ).map { CampaignSequence(version: try $0.decode("version"), steps: try CampaignStore.steps($0)) }
    }

    private static func row(_ row: Row) throws -> StatRow {
        StatRow(
            day: try row.decodeOptional("day"), step: try row.decodeOptional("step"), variant: try row.decodeOptional("variant"),
            figures: try MailFigures(row: row))
    }
}
