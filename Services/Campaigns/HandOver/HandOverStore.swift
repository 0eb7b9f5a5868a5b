import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of batches on their way.
struct HandOverStore: Sendable {
    /// How long one process has a batch for itself.
    static let lock: TimeInterval = 60

    let database: Database

    /// An open batch that nobody works on; nil when there is none.
    func unfinished() async throws -> UUID? {
        try await database.query("select id from hand_overs where state = 'open' and locked_until <= now() order by locked_until limit 1")
            .first?.decode("id")
    }

    /// Takes an open batch for this process alone for a minute, by the database's clock; nil when another has it, or it is done.
    func take(_ identifier: UUID) async throws -> HandOver? {
        try await database.query(
            """
            with taken as materialized (
                update hand_overs set locked_until = date_trunc('milliseconds', now()) + make_interval(secs => \(Self.lock))
                where id = \(identifier) and state = 'open' and locked_until <= now()
                returning id, tenant_id, campaign_id, is_checked, locked_until)
            select h.id, h.tenant_id, h.campaign_id, h.is_checked, h.locked_until, c.name, c.workspace_id, c.postal_address, c.sending_window,
                   c.time_zone, c.uses_lead_zone, c.daily_cap, c.rotation, c.tracks_opens, c.tracks_clicks, c.stops_on_reply,
                   c.sequence_version, c.launch_trace, s.steps
            from taken h join campaigns c on c.tenant_id = h.tenant_id and c.id = h.campaign_id
            join campaign_sequences s on s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.version = c.sequence_version
            """
        ).first.map { row in
            HandOver(
                id: try row.decode("id"), tenant: try row.decode("tenant_id"), campaign: try row.decode("campaign_id"),
                campaignName: try row.decode("name"), workspace: try row.decode("workspace_id"), schedule: try CampaignStore.schedule(row),
                sequence: CampaignSequence(version: try row.decode("sequence_version"), steps: try CampaignStore.steps(row)),
                postalAddress: try row.decodeOptional("postal_address"), tracksOpens: try row.decode("tracks_opens"),
                tracksClicks: try row.decode("tracks_clicks"), stopsOnReply: try row.decode("stops_on_reply"),
                isChecked: try row.decode("is_checked"), lockedUntil: try row.decode("locked_until"),
                trace: TraceParent(parsing: try row.decodeOptional("launch_trace")))
        }
    }

    /// Has the batch for another minute; nil when it was taken from this process. What is asked of others now is answered before it ends.
    func renew(_ handOver: HandOver) async throws -> HandOver? {
        let rows = try await database.query(
            """
            update hand_overs set locked_until = date_trunc('milliseconds', now()) + make_interval(secs => \(Self.lock))
            where tenant_id = \(handOver.tenant) and id = \(handOver.id) and state = 'open' and locked_until = \(handOver.lockedUntil)
            returning locked_until
            """)
        guard let row = rows.first else { return nil }
        var renewed = handOver
        renewed.lockedUntil = try row.decode("locked_until")
        return renewed
    }

    /// Whether the batch is still this process's; its row is held until the transaction ends.
    private static func isOurs(_ handOver: HandOver, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            """
            select from hand_overs
            where tenant_id = \(handOver.tenant) and id = \(handOver.id) and state = 'open' and locked_until = \(handOver.lockedUntil)
            for no key update
            """
        ).isEmpty
    }

    /// Whoever is still in the batch, in a fixed order: people who were taken out meanwhile are not.
    func members(of handOver: HandOver) async throws -> [HandOver.Member] {
        let rows = try await database.query(
            """
            select s.enrolment_id, s.step, s.mailbox_id, s.template_id, s.template_version, s.planned_at, e.time_zone as zone, \(Lead.columns)
            from enrolment_sends s
            join enrolments e on e.tenant_id = s.tenant_id and e.id = s.enrolment_id
            join leads l on l.tenant_id = s.tenant_id and l.id = s.lead_id
            where s.tenant_id = \(handOver.tenant) and s.hand_over_id = \(handOver.id) and s.state = 'planned'
              and e.status = 'handing_over' and e.step = s.step order by s.enrolment_id
            """)
        let earlier = try await earlierMails(of: try rows.map { try $0.decode("enrolment_id") }, tenant: handOver.tenant)
        return try rows.map { row in
            let enrolment: EnrolmentID = try row.decode("enrolment_id")
            return HandOver.Member(
                enrolment: enrolment, step: try row.decode("step"), lead: try Lead(row: row), zone: try row.decodeOptional("zone"),
                mailbox: try row.decode("mailbox_id"),
                content: .init(template: try row.decode("template_id"), version: try row.decode("template_version")),
                plannedAt: try row.decode("planned_at"), before: earlier[enrolment] ?? [])
        }
    }

    private func earlierMails(of enrolments: [EnrolmentID], tenant: TenantID) async throws -> [EnrolmentID: [HandOver.Earlier]] {
        guard !enrolments.isEmpty else { return [:] }
        let rows = try await database.query(
            """
            select enrolment_id, step, template_id, template_version from enrolment_sends
            where tenant_id = \(tenant) and enrolment_id = any(\(enrolments)) and state in ('accepted', 'ambiguous') order by sent_at, step
            """)
        var earlier: [EnrolmentID: [HandOver.Earlier]] = [:]
        for row in rows {
            earlier[try row.decode("enrolment_id"), default: []].append(
                .init(
                    step: try row.decode("step"),
                    content: .init(template: try row.decode("template_id"), version: try row.decode("template_version"))))
        }
        return earlier
    }

    /// Takes people out of a batch for good, with why; from here on the batch does not change.
    func check(_ handOver: HandOver, out: [EnrolmentID: EnrolmentStatus], at now: Date) async throws {
        try await database.transaction { transaction in
            guard try await Self.isOurs(handOver, in: transaction) else { return }
            let leaving = out.keys.sorted { $0.description < $1.description }
            let rows = try await transaction.query(
                """
                select \(EnrolmentStore.columns) from enrolments e where e.tenant_id = \(handOver.tenant) and e.id = any(\(leaving))
                order by e.id for no key update
                """)
            var changed: [Enrolment] = []
            var counters = CounterChange()
            for row in rows {
                var enrolment = try EnrolmentStore.enrolment(row)
                let before = enrolment.status
                let status = out[enrolment.id] ?? .suppressed
                Reaction.end(&enrolment, as: status, because: status.rawValue)
                // Its mail never left here.
                enrolment.needsWithdrawal = false
                if before != enrolment.status { counters.move(from: before, to: enrolment.status) }
                changed.append(enrolment)
            }
            let ended = try await transaction.query(
                """
                update enrolment_sends set state = 'suppressed'
                where tenant_id = \(handOver.tenant) and enrolment_id = any(\(leaving)) and hand_over_id = \(handOver.id) and state = 'planned'
                """
            ).affected
            counters.outstanding = -Int64(ended)
            var statements: [SQL] = ["update hand_overs set is_checked = true where tenant_id = \(handOver.tenant) and id = \(handOver.id)"]
            if !changed.isEmpty { statements.append(EnrolmentStore.write(changed, of: handOver.tenant, at: now)) }
            if !counters.isEmpty { statements.append(counters.statement(handOver.campaign, of: handOver.tenant)) }
            try await transaction.pipeline(statements)
        }
    }

    /// Delivery has them all. Those of which it has already told more are left as they are.
    func finish(_ handOver: HandOver, completion: Completion) async throws {
        try await database.transaction { transaction in
            guard try await Self.isOurs(handOver, in: transaction) else { return }
            let moved = try await Self.move(handOver, to: .queued, in: transaction)
            var counters = CounterChange()
            counters.move(Int64(moved), from: .waiting, to: .queued)
            try await transaction.pipeline([
                "update hand_overs set state = 'done' where tenant_id = \(handOver.tenant) and id = \(handOver.id)",
                """
                update enrolment_sends set state = 'queued'
                where tenant_id = \(handOver.tenant) and hand_over_id = \(handOver.id) and state = 'planned'
                """,
                """
                update campaigns set batch_limit = null, waiting_reason = case
                    when waiting_reason in ('quota_exceeded', 'no_entitlement', 'access_denied') then null else waiting_reason end
                where tenant_id = \(handOver.tenant) and id = \(handOver.campaign)
                """,
                counters.statement(handOver.campaign, of: handOver.tenant),
            ])
            try await completion.check(handOver.campaign, of: handOver.tenant, in: transaction)
        }
    }

    /// Delivery has none of them, or none but `kept`: the mails are forgotten, the enrolments wait again, and the campaign says why (nil: it need not
    /// wait) and until when, and how many it may try at most.
    func abandon(
        _ handOver: HandOver, except kept: Set<EnrolmentID> = [], reason: String?, until retry: Date, batchLimit: Int64? = nil
    ) async throws {
        try await database.transaction { transaction in
            guard try await Self.isOurs(handOver, in: transaction) else { return }
            try await Self.move(handOver, to: .waiting, except: kept, in: transaction)
            let forgotten = try await transaction.query(
                """
                delete from enrolment_sends where tenant_id = \(handOver.tenant) and hand_over_id = \(handOver.id) and state = 'planned'
                  and enrolment_id <> all(\(Array(kept)))
                returning enrolment_id, step
                """)
            var counters = CounterChange()
            counters.outstanding = -Int64(forgotten.count)
            try await transaction.pipeline([
                // Whoever has no mail in the ledger is in no thread yet.
                """
                update enrolments e set mailbox_id = null
                from unnest(\(try forgotten.map { try $0.decode("enrolment_id", as: EnrolmentID.self) })) as n (id)
                where e.tenant_id = \(handOver.tenant) and e.id = n.id and not exists (
                    select from enrolment_sends s where s.tenant_id = e.tenant_id and s.enrolment_id = e.id)
                """,
                """
                update hand_overs set state = case when \(kept.isEmpty) then 'abandoned' else state end
                where tenant_id = \(handOver.tenant) and id = \(handOver.id)
                """,
                """
                update campaigns set waiting_reason = \(reason), next_at = \(retry), batch_limit = \(batchLimit)
                where tenant_id = \(handOver.tenant) and id = \(handOver.campaign)
                """,
                counters.statement(handOver.campaign, of: handOver.tenant),
            ])
        }
    }

    @discardableResult
    private static func move(
        _ handOver: HandOver, to status: EnrolmentStatus, except kept: Set<EnrolmentID> = [], in transaction: Transaction
    ) async throws -> Int {
        try await transaction.query(
            """
            with mine as materialized (
                select e.id from enrolment_sends s join enrolments e on e.tenant_id = s.tenant_id and e.id = s.enrolment_id
                where s.tenant_id = \(handOver.tenant) and s.hand_over_id = \(handOver.id) and s.state = 'planned'
                  and e.status = 'handing_over' and e.step = s.step and e.id <> all(\(Array(kept))) order by e.id for no key update of e)
            update enrolments e set status = \(status) from mine m where e.tenant_id = \(handOver.tenant) and e.id = m.id
            """
        ).affected
    }
}
