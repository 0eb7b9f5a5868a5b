import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC

/// Forecasts of campaigns as they are: drafts by their audience, launched ones by their enrolments.
struct Forecasts: Sendable {
    let database: Database
    let delivery: RPCClient
    let clock: WallClock

    /// Nobody waits longer for the counting that a forecast begins with.
    private static let patience = "20s"
    /// A draft's audience is counted no further.
    private static let countLimit = 1_000_000

    func forecast(_ campaign: Campaign, of tenant: TenantID) async throws -> Forecast {
        let wanted = campaign.content.mailboxes
        let budgets = wanted.isEmpty ? [] : try await delivery.call(DeliveryRPC.ReadMailboxBudgets(tenant: tenant, mailboxes: wanted))
        let byID = Dictionary(budgets.map { ($0.id, $0) }) { first, _ in first }
        let now = campaign.status == .draft || campaign.status == .scheduled ? max(clock.now, campaign.content.startsAt ?? clock.now) : clock.now
        let rooms = wanted.compactMap { byID[$0] }.filter { $0.workspace == campaign.workspace }.map { MailboxRoom($0, readAt: clock.now) }
        let input = try await database.inTime(Self.patience, as: tenant) { transaction in
            try await Self.input(campaign, of: tenant, rooms, now: now, in: transaction)
        }
        return await Forecaster.run(input)
    }

    private static func input(
        _ campaign: Campaign, of tenant: TenantID, _ rooms: [MailboxRoom], now: Date, in transaction: Transaction
    ) async throws -> ForecastInput {
        let sequence = CampaignSequence(version: campaign.sequenceVersion, steps: campaign.content.steps)
        var input = ForecastInput(
            now: now, schedule: campaign.content.schedule, sequence: sequence, rooms: rooms, cursor: 0, groups: [:])
        switch campaign.status {
        case .draft, .scheduled: input.groups = try await newcomers(campaign, of: tenant, sequence, now: now, in: transaction)
        case .active, .paused:
            input.groups = try await enrolled(campaign, of: tenant, sequence, now: now, in: transaction)
            let today = campaign.content.schedule.days.localDay(of: now)
            let rows = try await transaction.query(
                """
                select k.outstanding, k.total,
                       (select c.is_enrolled from campaigns c where c.tenant_id = k.tenant_id and c.id = k.campaign_id) as is_enrolled,
                       coalesce((select sum(t.sent) from step_stats t where t.tenant_id = k.tenant_id and t.campaign_id = k.campaign_id
                           and t.day >= \(today)::date), 0)::bigint as sent
                from campaign_counters k where k.tenant_id = \(tenant) and k.campaign_id = \(campaign.id)
                """)
            guard let row = rows.first else { return input }
            input.outstanding = try row.decode("outstanding")
            input.sentToday = try row.decode("sent")
            if try !row.decode("is_enrolled", as: Bool.self) {
                let known: Int = try row.decode("total")
                try await addThoseToCome(to: &input, beyond: known, campaign, of: tenant, sequence, now: now, in: transaction)
            }
        case .completed, .archived: break
        }
        return input
    }

    /// The audience as it is now, as if it began now.
    private static func newcomers(
        _ campaign: Campaign, of tenant: TenantID, _ sequence: CampaignSequence, now: Date, in transaction: Transaction
    ) async throws -> [ForecastGroup: Int] {
        guard case .at(let step, let dueAt) = sequence.start(at: now) else { return [:] }
        let zones = try await AudienceResolver().countByZone(
            upTo: countLimit, of: campaign.content.audience, tenant: tenant, workspace: campaign.workspace, now: now, in: transaction)
        let usesZones = campaign.content.schedule.usesLeadZone
        return zones.reduce(into: [:]) { groups, entry in
            groups[ForecastGroup(step: step, dueAt: dueAt, zone: usesZones ? entry.zone : nil, mailbox: nil), default: 0] += entry.leads
        }
    }

    /// Whoever is in the audience and not enrolled yet: as many as the audience has more, in the zones that it has.
    private static func addThoseToCome(
        to input: inout ForecastInput, beyond known: Int, _ campaign: Campaign, of tenant: TenantID, _ sequence: CampaignSequence, now: Date,
        in transaction: Transaction
    ) async throws {
        let newcomers = try await newcomers(campaign, of: tenant, sequence, now: now, in: transaction)
        let all = newcomers.values.reduce(0, +)
        guard all > known else { return }
        for (group, count) in newcomers { input.groups[group, default: 0] += count * (all - known) / all }
    }

    /// Enrolments that are not over, by where they stand; those whose mail is out stand behind it.
    private static func enrolled(
        _ campaign: Campaign, of tenant: TenantID, _ sequence: CampaignSequence, now: Date, in transaction: Transaction
    ) async throws -> [ForecastGroup: Int] {
        let rows = try await transaction.query(
            """
            select e.status = 'waiting' as is_waiting, e.step, date_trunc('minute', greatest(e.due_at, \(now))) as due_at, e.time_zone, e.mailbox_id,
                   count(*) as n
            from enrolments e
            where e.tenant_id = \(tenant) and e.campaign_id = \(campaign.id) and e.status in ('waiting', 'handing_over', 'queued', 'deferred')
            group by 1, 2, 3, 4, 5
            """)
        let usesZones = campaign.content.schedule.usesLeadZone
        var groups: [ForecastGroup: Int] = [:]
        for row in rows {
            let zone = usesZones ? try row.decodeOptional("time_zone", as: String.self) : nil
            let (step, dueAt, mailbox) = (
                try row.decode("step", as: Int.self), try row.decode("due_at", as: Date.self),
                try row.decodeOptional("mailbox_id", as: MailboxID.self)
            )
            let standing: Standing =
                try row.decode("is_waiting") ? .at(step: step, dueAt: dueAt) : sequence.after(step: step, at: now)
            guard case .at(let next, let at) = standing else { continue }
            groups[ForecastGroup(step: next, dueAt: at, zone: zone, mailbox: mailbox), default: 0] += try row.decode("n")
        }
        return groups
    }
}
