import Contracts
import Foundation
import HTTP
import Postgres
import Primitives

/// Puts figures and names together.
struct AnalyticsReader: Sendable {
    let database: Database
    let clock: WallClock

    func report(
        on campaign: Campaign, of tenant: TenantID, in range: DayRange, by grouping: AnalyticsGrouping
    ) async throws -> CampaignAnalytics {
        let rows = try await AnalyticsStore.rows(of: campaign.id, tenant: tenant, in: range, by: grouping, in: database)
        let names = try await names(for: rows, of: campaign, tenant, by: grouping)
        return CampaignAnalytics(
            campaign: campaign.id, zone: campaign.content.schedule.days.zone, from: range.from, to: range.to, group: grouping,
            // Of the same reading as the groups, so that they sum up whatever happens meanwhile.
            totals: .sum(of: rows.map(\.figures)), groups: names.groups(rows, by: grouping),
            enrolments: try await EnrolmentCounts.read(campaign.id, of: tenant, in: database))
    }

    /// A 400 problem for more days than a series has points for.
    func series(
        of campaign: Campaign, tenant: TenantID, in range: DayRange, by interval: FigureSeries.Interval, step: Int?, variant: String?
    ) async throws -> FigureSeries {
        let calendar = campaign.content.schedule.days
        func day(_ instant: Date) -> Int { CivilDay.number(of: calendar.localDay(of: instant)) ?? 0 }
        let span = try await AnalyticsStore.span(of: campaign.id, tenant: tenant, in: database)
        let days = FigureSeries.days(
            asked: range, launchedOn: day(campaign.launchedAt ?? campaign.createdAt), today: day(clock.now), span: span, by: interval)
        guard let days else {
            throw Problem.invalid(
                "A series has at most \(FigureSeries.mostPoints) points; ask for fewer days, or for interval=week.", field: "from")
        }
        let asked = DayRange(first: days.lowerBound, last: days.upperBound)
        let figures = try await AnalyticsStore.days(
            of: campaign.id, tenant: tenant, in: asked, step: step, variant: variant, in: database)
        let points = FigureSeries.points(figures, from: days.lowerBound, through: days.upperBound, by: interval)
        return FigureSeries(
            campaign: campaign.id, zone: calendar.zone, interval: interval, step: step, variant: variant,
            from: CivilDay.text(of: days.lowerBound), to: CivilDay.text(of: days.upperBound), totals: .sum(of: points.map(\.figures)),
            points: points)
    }

    func workspace(
        _ workspace: WorkspaceID, of tenant: TenantID, in range: DayRange, before start: CampaignID?, limit: Int
    ) async throws -> WorkspaceAnalytics {
        let entries = try await AnalyticsStore.campaigns(
            in: workspace, of: tenant, range: range, before: start, limit: limit + 1, in: database)
        return WorkspaceAnalytics(entries, of: workspace, in: range, limit: limit)
    }

    private func names(
        for rows: [StatRow], of campaign: Campaign, _ tenant: TenantID, by grouping: AnalyticsGrouping
    ) async throws -> StepNames {
        var names = StepNames(current: CampaignSequence(version: campaign.sequenceVersion, steps: campaign.content.steps))
        guard grouping == .step || grouping == .variant else { return names }
        if !StepNames.isKnown(rows, to: names.current) {
            names.earlier = try await AnalyticsStore.earlier(than: campaign.sequenceVersion, of: campaign.id, tenant: tenant, in: database)
        }
        let templates = ([names.current] + names.earlier).flatMap(\.emailSteps).flatMap { $0.email?.variants.map(\.template) ?? [] }
        names.templateNames = try await AnalyticsStore.templateNames(Set(templates), of: tenant, in: database)
        names.winners = try await AnalyticsStore.winners(of: campaign.id, tenant: tenant, in: database)
        return names
    }
}
