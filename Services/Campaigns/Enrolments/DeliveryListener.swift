import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Hears what became of mails and what people did with them, and keeps enrolments, counters and figures true in one commit.
struct DeliveryListener: Sendable {
    let outbox: Outbox
    let clock: WallClock

    func hear(_ events: [ReceivedEvent], in transaction: Transaction) async throws {
        let byTenant = try EnrolmentEvents.read(events)
        for tenant in byTenant.keys.sorted(by: { $0.description < $1.description }) {
            if let events = byTenant[tenant] { try await apply(events, of: tenant, in: transaction) }
        }
    }

    private func apply(_ events: EnrolmentEvents, of tenant: TenantID, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select \(EnrolmentStore.columns), e.campaign_id from enrolments e
            where e.tenant_id = \(tenant) and e.id = any(\(events.enrolments)) order by e.id for no key update
            """)
        guard !rows.isEmpty else { return }
        let enrolments = try rows.map { (try EnrolmentStore.enrolment($0), try $0.decode("campaign_id", as: CampaignID.self)) }
        var ledger = EnrolmentLedger(
            campaigns: try await facts(of: enrolments, tenant: tenant, in: transaction), enrolments: enrolments,
            sends: try await SendStore.read(enrolments.map(\.0.id), of: tenant, in: transaction))
        for word in events.words { ledger.hear(word) }
        for act in events.acts { ledger.apply(act) }
        try await write(ledger, of: tenant, in: transaction)
    }

    private func facts(
        of enrolments: [(Enrolment, CampaignID)], tenant: TenantID, in transaction: Transaction
    ) async throws -> [CampaignID: EnrolmentLedger.CampaignFacts] {
        let versions = enrolments.reduce(into: [CampaignID: Set<Int>]()) { $0[$1.1, default: []].insert($1.0.sequenceVersion) }
        let rows = try await transaction.query(
            """
            select c.id, c.workspace_id, c.status, c.stops_on_reply, c.pause_until_return, c.sequence_version, s.steps, c.sending_window, c.time_zone, c.uses_lead_zone, c.daily_cap,
                   c.rotation
            from campaigns c
            join campaign_sequences s on s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.version = c.sequence_version
            where c.tenant_id = \(tenant) and c.id = any(\(Array(versions.keys)))
            """)
        var facts: [CampaignID: EnrolmentLedger.CampaignFacts] = [:]
        for row in rows {
            let campaign: CampaignID = try row.decode("id")
            let current: Int = try row.decode("sequence_version")
            let status: CampaignStatus = try row.decode("status")
            var known = EnrolmentLedger.CampaignFacts(
                rules: EnrolmentRules(
                    sequence: CampaignSequence(version: current, steps: try CampaignStore.steps(row)), stopsOnReply: try row.decode("stops_on_reply"),
                    isOver: status.isOver, pausesUntilReturn: try row.decode("pause_until_return")),
                days: try CampaignStore.schedule(row).days, workspace: try row.decode("workspace_id"))
            let others = (versions[campaign] ?? []).subtracting([current])
            known.earlier = try await RoundStore.sequences(others, of: campaign, tenant: tenant, in: transaction)
            facts[campaign] = known
        }
        return facts
    }

    private func write(_ ledger: EnrolmentLedger, of tenant: TenantID, in transaction: Transaction) async throws {
        let now = clock.now
        let (enrolments, sends) = (ledger.changedEnrolments, ledger.changedSends)
        var statements: [SQL] = []
        if !sends.isEmpty { statements.append(SendStore.write(sends, of: tenant)) }
        if !enrolments.isEmpty { statements.append(EnrolmentStore.write(enrolments, of: tenant, at: now)) }
        if !ledger.relieved.isEmpty { statements.append(LeadStatusStore.relieve(ledger.relieved, of: tenant, at: now)) }
        if !ledger.leads.isEmpty { statements.append(LeadStatusStore.write(ledger.leads, of: tenant, at: now)) }
        // The order in which everybody takes rows: enrolments, campaigns, counters.
        let touched = Set(ledger.changedCampaigns).union(ledger.wakes.keys).union(ledger.resolvedAt.keys).sorted { $0.description < $1.description }
        if !touched.isEmpty {
            statements.append("select from campaigns where tenant_id = \(tenant) and id = any(\(touched)) order by id for no key update")
            statements.append(
                """
                update campaigns c set next_at = least(c.next_at, n.due_at), first_resolved_at = least(c.first_resolved_at, n.resolved_at),
                    last_resolved_at = greatest(c.last_resolved_at, n.resolved_at)
                from unnest(\(touched), \(PostgresOptionals(touched.map { ledger.wakes[$0] })),
                            \(PostgresOptionals(touched.map { ledger.resolvedAt[$0] })))
                     as n (id, due_at, resolved_at)
                where c.tenant_id = \(tenant) and c.id = n.id
                """)
        }
        statements += ledger.changedCampaigns.compactMap { ledger.counters[$0]?.statement($0, of: tenant) }
        if let stats = ledger.stats.statement(of: tenant) { statements.append(stats) }
        if !ledger.resumed.isEmpty { statements.append(try EnrolmentStore.log(ledger.resumed.map(\.note), of: tenant, at: now)) }
        if !statements.isEmpty { try await transaction.pipeline(statements) }
        try await outbox.append(ledger.resumed.map { try $0.event(of: tenant, at: now) }, in: transaction)
        for campaign in ledger.changedCampaigns {
            try await Completion(outbox: outbox, clock: clock).check(campaign, of: tenant, in: transaction)
        }
    }
}

/// Ends campaigns in which nothing is left to do, and says so.
struct Completion: Sendable {
    let outbox: Outbox
    let clock: WallClock

    func check(_ campaign: CampaignID, of tenant: TenantID, in transaction: Transaction) async throws {
        let now = clock.now
        guard let (workspace, version) = try await CampaignStore.completeIfDone(campaign, of: tenant, at: now, in: transaction) else { return }
        let event = try PendingEvent(
            CampaignsEvents.CampaignStatusChanged(campaign: campaign, status: "completed", reason: nil), at: now, tenant: tenant,
            workspace: workspace, aggregate: Aggregate(kind: "campaign", id: campaign.description, version: version),
            actor: .system("campaigns"),
            audit: AuditRecord(action: "campaign.complete", targets: [.init(type: "campaign", id: campaign.description)]))
        try await outbox.append([event], in: transaction)
    }
}

extension EnrolmentLedger.Resumption {
    /// For the decision log.
    fileprivate var note: RoundPlan.Note {
        RoundPlan.Note(enrolment: enrolment.id, step: enrolment.step, kind: "resumed", detail: ["status": enrolment.status.rawValue])
    }

    fileprivate func event(of tenant: TenantID, at now: Date) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.EnrolmentResumed(campaign: campaign, enrolment: enrolment.id), at: now, tenant: tenant, workspace: workspace,
            actor: .system("campaigns"),
            audit: AuditRecord(
                action: "enrolment.resume",
                targets: [
                    .init(type: "enrolment", id: enrolment.id.description), .init(type: "campaign", id: campaign.description),
                    .init(type: "lead", id: enrolment.lead.description),
                ], metadata: ["status": enrolment.status.rawValue]))
    }
}

/// The SQL of what people's acts make of them.
enum LeadStatusStore {
    /// People whose word to the whole company was a slip: what their mails say of them holds again.
    static func relieve(_ leads: Set<LeadID>, of tenant: TenantID, at now: Date) -> SQL {
        let identifiers = leads.sorted { $0.description < $1.description }
        return """
            update leads l set status = n.status, status_changed_at = \(now), updated_at = \(now), revision = l.revision + 1
            from (
                select k.id, case
                    when exists (select from enrolment_sends s where s.tenant_id = k.tenant_id and s.lead_id = k.id and s.complained_at is not null)
                        then 'complained'
                    when exists (select from enrolment_sends s where s.tenant_id = k.tenant_id and s.lead_id = k.id and s.bounced_at is not null)
                        then 'bounced'
                    else 'active' end as status
                from leads k where k.tenant_id = \(tenant) and k.id = any(\(identifiers)) order by k.id for no key update of k) n
            where l.tenant_id = \(tenant) and l.id = n.id and l.status = 'unsubscribed'
            """
    }

    /// A status changes only to one that says more.
    static func write(_ leads: [LeadID: LeadStatus], of tenant: TenantID, at now: Date) -> SQL {
        let identifiers = leads.keys.sorted { $0.description < $1.description }
        let ranks = LeadStatus.byWeight.map(\.rawValue)
        return """
            update leads l set status = n.status, status_changed_at = \(now), updated_at = \(now), revision = l.revision + 1
            from (
                select k.id, n.status from unnest(\(identifiers), \(identifiers.map { leads[$0]?.rawValue ?? "" })) as n (id, status)
                join leads k on k.tenant_id = \(tenant) and k.id = n.id order by k.id for no key update of k) n
            where l.tenant_id = \(tenant) and l.id = n.id and array_position(\(ranks), l.status) < array_position(\(ranks), n.status)
            """
    }
}
