import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Turns a launched campaign's audience into enrolments, a thousand a transaction, and goes on where it stopped.
struct Enroller: Sendable {
    static let batch = 1_000
    /// How often a campaign that enrols later comers looks for them.
    static let pause: TimeInterval = 900
    /// How long a campaign whose batch failed is left alone, while others have their turn.
    static let lease: TimeInterval = 60

    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// Enrols one batch of one campaign; false when there is nothing to enrol anywhere.
    func enrolOnce() async throws -> Bool {
        let now = clock.now
        guard let (tenant, campaign) = try await pick(now) else { return false }
        try await database.transaction { transaction in
            try await enrolBatch(of: campaign, tenant, at: now, in: transaction)
        }
        return true
    }

    /// The campaign that has waited longest, new ones first; it is not picked again before its batch is committed or the lease is over.
    private func pick(_ now: Date) async throws -> (TenantID, CampaignID)? {
        try await database.query(
            """
            with picked as materialized (
                select tenant_id, id from campaigns
                where status = 'active' and not is_enrolled and sweeping is null
                  and (enrolled_at is null or enrolled_at <= \(now.addingTimeInterval(-Self.pause)))
                order by enrolled_at nulls first, launched_at limit 1 for no key update skip locked)
            update campaigns c set enrolled_at = \(now.addingTimeInterval(Self.lease - Self.pause)) from picked p
            where c.tenant_id = p.tenant_id and c.id = p.id returning c.tenant_id, c.id
            """
        ).first.map { (try $0.decode("tenant_id"), try $0.decode("id")) }
    }

    private func enrolBatch(of campaign: CampaignID, _ tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        let found = try await transaction.query(
            """
            select c.workspace_id, c.enrol_cursor, c.audience_kind, c.audience_id, c.enrols_later, c.sequence_version, s.steps, c.sending_window,
                   c.time_zone, c.uses_lead_zone, c.daily_cap, c.rotation
            from campaigns c
            join campaign_sequences s on s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.version = c.sequence_version
            where c.tenant_id = \(tenant) and c.id = \(campaign) and c.status = 'active' and not c.is_enrolled and c.sweeping is null
            for no key update of c
            """)
        // Paused, stopped or edited since it was picked.
        guard let row = found.first else { return }
        let cursor: UUID = try row.decode("enrol_cursor")
        let leads: [LeadID]
        do {
            leads = try await AudienceResolver().leads(
                of: Audience(kind: try row.decode("audience_kind"), id: try row.decodeOptional("audience_id")), tenant: tenant,
                workspace: try row.decode("workspace_id"), after: LeadID(cursor), limit: Self.batch, now: now, in: transaction)
        } catch is AudienceError {
            try await transaction.query(
                """
                update campaigns set waiting_reason = \(WaitReason.audienceGone), enrolled_at = \(now)
                where tenant_id = \(tenant) and id = \(campaign)
                """)
            return
        }
        let sequence = CampaignSequence(version: try row.decode("sequence_version"), steps: try CampaignStore.steps(row))
        let schedule = try CampaignStore.schedule(row)
        let enrolled = try await enrol(leads, tenant, campaign, sequence, schedule, at: now, in: transaction)
        try await finish(campaign, tenant, leads, enrolled: enrolled, enrolsLater: try row.decode("enrols_later"), at: now, in: transaction)
    }

    private func enrol(
        _ leads: [LeadID], _ tenant: TenantID, _ campaign: CampaignID, _ sequence: CampaignSequence, _ schedule: CampaignSchedule, at now: Date,
        in transaction: Transaction
    ) async throws -> Int {
        guard !leads.isEmpty, case .at(let step, let dueAt) = sequence.start(at: now) else { return 0 }
        let zones = try await transaction.query(
            """
            select n.id, l.time_zone from unnest(\(leads)) as n (id) join leads l on l.tenant_id = \(tenant) and l.id = n.id
            where l.status = 'active' order by n.id
            """
        ).map { (lead: try $0.decode("id", as: LeadID.self), zone: try $0.decodeOptional("time_zone", as: String.self)) }
        var openings: [String: Date] = [:]
        // Whoever may be mailed later only waits for that; the rounds look at nobody in vain.
        let due = zones.map { entry -> Date in
            guard schedule.usesLeadZone, let zone = entry.zone else { return dueAt }
            if let known = openings[zone] { return known }
            let opening = schedule.opening(from: dueAt, leadZone: zone) ?? dueAt
            openings[zone] = opening
            return opening
        }
        return try await transaction.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, step, sequence_version, time_zone, due_at, created_at)
            select \(tenant), id, \(campaign), lead_id, \(step), \(sequence.version), zone, due_at, \(now)
            from unnest(\(zones.map { _ in UUID.v7(at: now) }), \(zones.map(\.lead)), \(PostgresOptionals(zones.map(\.zone))), \(due))
                as n (id, lead_id, zone, due_at)
            on conflict (tenant_id, campaign_id, lead_id) do nothing
            """
        ).affected
    }

    private func finish(
        _ campaign: CampaignID, _ tenant: TenantID, _ leads: [LeadID], enrolled: Int, enrolsLater: Bool, at now: Date,
        in transaction: Transaction
    ) async throws {
        let isDone = leads.count < Self.batch
        var counters = CounterChange()
        counters.move(Int64(enrolled), from: nil, to: .waiting)
        try await transaction.pipeline([
            // Whoever enrols later comers begins again from the first lead: those who are enrolled are known by their key. Whoever has only
            // begun goes on at once, after those who have waited longer.
            """
            update campaigns set enrol_cursor = \(isDone ? LeadID.zero : leads.last ?? LeadID.zero), is_enrolled = \(isDone && !enrolsLater),
                enrolled_at = \(isDone ? now : now.addingTimeInterval(-Self.pause)),
                next_at = case when \(enrolled > 0) then least(next_at, \(now)) else next_at end
            where tenant_id = \(tenant) and id = \(campaign)
            """,
            counters.statement(campaign, of: tenant),
        ])
        if isDone { try await Completion(outbox: outbox, clock: clock).check(campaign, of: tenant, in: transaction) }
    }
}
