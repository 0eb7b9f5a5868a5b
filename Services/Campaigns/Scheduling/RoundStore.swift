import Contracts
import Foundation
import Postgres
import Primitives

/// A campaign whose turn it is, leased to one process for a minute.
struct CampaignTurn: Sendable {
    let tenant: TenantID
    let campaign: CampaignID
    let workspace: WorkspaceID
    let mailboxes: [MailboxID]
}

/// The SQL of rounds.
struct RoundStore: Sendable {
    /// How long one process has a campaign for itself.
    static let lease: TimeInterval = 60
    static let batch = 500

    let database: Database

    /// The campaign that has waited longest for a look; nil when none is due.
    func next(now: Date) async throws -> CampaignTurn? {
        try await database.query(
            """
            with picked as materialized (
                select tenant_id, id from campaigns where status = 'active' and next_at <= \(now) and sweeping is null
                order by next_at limit 1 for update skip locked)
            update campaigns c set next_at = \(now.addingTimeInterval(Self.lease)) from picked p
            where c.tenant_id = p.tenant_id and c.id = p.id
            returning c.tenant_id, c.id, c.workspace_id, array(
                select m.mailbox_id from campaign_mailboxes m where m.tenant_id = c.tenant_id and m.campaign_id = c.id order by m.position
            ) as mailboxes
            """
        ).first.map { row in
            CampaignTurn(
                tenant: try row.decode("tenant_id"), campaign: try row.decode("id"), workspace: try row.decode("workspace_id"),
                mailboxes: try row.decode("mailboxes"))
        }
    }

    /// What a campaign is, for a round; the campaign's row is held from here on. Nil when it is not running any more.
    struct Held: Sendable {
        let audience: Audience
        let schedule: CampaignSchedule
        let sequence: CampaignSequence
        let cursor: Int64
        let mayMail: Bool
        let outstanding: Int
        let sentToday: Int
        /// How many are decided at once: fewer while the quota has no more left.
        let batch: Int
    }

    static func hold(_ turn: CampaignTurn, now: Date, in transaction: Transaction) async throws -> Held? {
        let rows = try await transaction.query(
            """
            select c.audience_kind, c.audience_id, c.sequence_version, s.steps, c.sending_window, c.time_zone, c.uses_lead_zone, c.daily_cap,
                   c.rotation, c.rotation_cursor, c.batch_limit, coalesce(a.access, 'full') as access,
                   coalesce(a.is_suspended, false) as is_suspended
            from campaigns c
            join campaign_sequences s on s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.version = c.sequence_version
            left join tenant_access a on a.tenant_id = c.tenant_id
            where c.tenant_id = \(turn.tenant) and c.id = \(turn.campaign) and c.status = 'active' and c.sweeping is null
            for no key update of c
            """)
        guard let row = rows.first else { return nil }
        let schedule = try CampaignStore.schedule(row)
        let today = schedule.days.localDay(of: now)
        // Later days count too: a process whose clock is behind must not begin today again.
        let counted = try await transaction.query(
            """
            select k.outstanding, coalesce((select sum(t.sent) from step_stats t where t.tenant_id = k.tenant_id and t.campaign_id = k.campaign_id
                and t.day >= \(today)::date), 0)::bigint as sent
            from campaign_counters k where k.tenant_id = \(turn.tenant) and k.campaign_id = \(turn.campaign)
            """
        ).first
        guard let counted else { return nil }
        return Held(
            audience: Audience(kind: try row.decode("audience_kind"), id: try row.decodeOptional("audience_id")), schedule: schedule,
            sequence: CampaignSequence(version: try row.decode("sequence_version"), steps: try CampaignStore.steps(row)),
            cursor: try row.decode("rotation_cursor"), mayMail: try mayMail(row), outstanding: try counted.decode("outstanding"),
            sentToday: try counted.decode("sent"), batch: min(batch, try row.decodeOptional("batch_limit") ?? batch))
    }

    /// Whether the company may mail, by the `access` and `is_suspended` of a row.
    static func mayMail(_ row: Row) throws -> Bool {
        let access = BillingRPC.Access(rawValue: try row.decode("access"))
        return try (access == .full || access == .grace) && !row.decode("is_suspended", as: Bool.self)
    }

    /// Due enrolments, those in a thread first, each with its lead's status; their rows are held.
    static func claim(_ turn: CampaignTurn, now: Date, limit: Int, in transaction: Transaction) async throws -> [DueEnrolment] {
        var due: [DueEnrolment] = []
        for isStarted in [true, false] where due.count < limit {
            let condition: SQL = isStarted ? "e.mailbox_id is not null" : "e.mailbox_id is null"
            let rows = try await transaction.query(
                """
                with picked as materialized (
                    select e.id from enrolments e
                    where e.tenant_id = \(turn.tenant) and e.campaign_id = \(turn.campaign) and e.status = 'waiting' and \(condition)
                      and e.due_at <= \(now)
                    order by e.due_at, e.id limit \(limit - due.count) for no key update skip locked)
                select \(EnrolmentStore.columns), l.status as lead_status from picked p
                join enrolments e on e.tenant_id = \(turn.tenant) and e.id = p.id
                left join leads l on l.tenant_id = \(turn.tenant) and l.id = e.lead_id order by e.due_at, e.id
                """)
            due += try rows.map { row in
                DueEnrolment(
                    enrolment: try EnrolmentStore.enrolment(row),
                    leadStatus: try row.decodeOptional("lead_status", as: String.self).flatMap(LeadStatus.init(rawValue:)))
            }
        }
        return due
    }

    /// Adds which mails they had and what the people did with them.
    static func addHistory(to due: inout [DueEnrolment], of tenant: TenantID, in transaction: Transaction) async throws {
        let started = due.map(\.enrolment.id)
        guard !started.isEmpty else { return }
        let rows = try await transaction.query(
            """
            select enrolment_id, step, opened_at is not null as is_opened, clicked_at is not null as is_clicked, replied_at is not null as is_replied
            from enrolment_sends where tenant_id = \(tenant) and enrolment_id = any(\(started))
            """)
        var history: [EnrolmentID: (done: Set<Int>, facts: ConditionFacts)] = [:]
        for row in rows {
            let step: Int = try row.decode("step")
            var known = history[try row.decode("enrolment_id")] ?? ([], ConditionFacts())
            known.done.insert(step)
            if try row.decode("is_opened") { known.facts.opened.insert(step) }
            if try row.decode("is_clicked") { known.facts.clicked.insert(step) }
            if try row.decode("is_replied") { known.facts.replied.insert(step) }
            history[try row.decode("enrolment_id")] = known
        }
        for index in due.indices {
            guard let known = history[due[index].enrolment.id] else { continue }
            due[index].done = known.done
            due[index].facts = known.facts
        }
    }

    /// Earlier versions of a sequence, by number.
    static func sequences(
        _ versions: Set<Int>, of campaign: CampaignID, tenant: TenantID, in transaction: Transaction
    ) async throws -> [Int: CampaignSequence] {
        guard !versions.isEmpty else { return [:] }
        let rows = try await transaction.query(
            """
            select version, steps from campaign_sequences
            where tenant_id = \(tenant) and campaign_id = \(campaign) and version = any(\(versions.sorted()))
            """)
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let version: Int = try row.decode("version")
                return (version, CampaignSequence(version: version, steps: try CampaignStore.steps(row)))
            })
    }

    /// Writes what a round decided: one hand-over for all its mails; gives its identifier.
    static func write(_ plan: RoundPlan, _ turn: CampaignTurn, now: Date, in transaction: Transaction) async throws -> UUID? {
        let tenant = turn.tenant
        var statements: [SQL] = []
        if !plan.changed.isEmpty { statements.append(EnrolmentStore.write(plan.changed, of: tenant, at: now)) }
        if !plan.notes.isEmpty { statements.append(try EnrolmentStore.log(plan.notes, of: tenant, at: now)) }
        if !plan.opened.isEmpty {
            statements.append(
                """
                insert into step_tests (tenant_id, campaign_id, step, opened_at)
                select \(tenant), \(turn.campaign), step, \(now) from unnest(\(plan.opened.sorted())) as n (step) on conflict do nothing
                """)
        }
        var handOver: UUID?
        if !plan.mails.isEmpty {
            let identifier = UUID.v7(at: now)
            handOver = identifier
            statements += [
                """
                insert into hand_overs (tenant_id, id, campaign_id, state, locked_until, created_at)
                values (\(tenant), \(identifier), \(turn.campaign), 'open', now(), \(now))
                """,
                """
                insert into enrolment_sends (tenant_id, enrolment_id, step, campaign_id, lead_id, hand_over_id, variant, template_id,
                    template_version, mailbox_id, state, planned_at)
                select \(tenant), enrolment_id, step, \(turn.campaign), lead_id, \(identifier), variant, template_id, template_version, mailbox_id,
                    'planned', \(now)
                from unnest(\(plan.mails.map(\.enrolment)), \(plan.mails.map(\.step)), \(plan.mails.map(\.lead)),
                            \(plan.mails.map(\.variant.name)), \(plan.mails.map(\.variant.template)),
                            \(plan.mails.map { $0.variant.templateVersion ?? 1 }), \(plan.mails.map(\.mailbox)))
                     as n (enrolment_id, step, lead_id, variant, template_id, template_version, mailbox_id)
                """,
            ]
        }
        var counters = CounterChange()
        for enrolment in plan.changed { counters.move(from: .waiting, to: enrolment.status) }
        counters.outstanding = Int64(plan.mails.count)
        if !counters.isEmpty { statements.append(counters.statement(turn.campaign, of: tenant)) }
        if !statements.isEmpty { try await transaction.pipeline(statements) }
        return handOver
    }

    /// When the campaign is looked at again, and why not sooner.
    static func rest(
        _ turn: CampaignTurn, until next: Date, reason: WaitReason?, cursor: Int64?, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            update campaigns set next_at = \(next), waiting_reason = \(reason?.rawValue), rotation_cursor = coalesce(\(cursor), rotation_cursor)
            where tenant_id = \(turn.tenant) and id = \(turn.campaign)
            """)
    }

    /// When the next enrolment that waits is due; nil when none waits.
    static func nextDue(_ turn: CampaignTurn, in transaction: Transaction) async throws -> Date? {
        try await transaction.query(
            """
            select least(
                (select due_at from enrolments where tenant_id = \(turn.tenant) and campaign_id = \(turn.campaign) and status = 'waiting'
                    and mailbox_id is not null order by due_at, id limit 1),
                (select due_at from enrolments where tenant_id = \(turn.tenant) and campaign_id = \(turn.campaign) and status = 'waiting'
                    and mailbox_id is null order by due_at, id limit 1)) as due_at
            """)[0].decodeOptional("due_at")
    }
}
