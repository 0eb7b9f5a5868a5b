import Contracts
import Foundation
import Postgres
import Streams

/// The SQL of admission: what is due, may go out, and has its turn, claimed in one transaction.
struct ClaimStore: Sendable {
    /// What one look at a queue brought.
    struct Admission: Sendable {
        var claimed: [Claim] = []
        /// Whether another look may bring more at once.
        var mayBeMore = false
        /// Whose turn is next.
        var share: FairShare
    }

    struct LostLease: Error {}

    let database: Database
    let events: SendEvents
    let counters: QueueCounters
    let erased: ErasedOptOuts
    /// How many mails one mailbox has in flight at most.
    let perMailbox: Int

    /// The queues with lanes to look at, in the order in which they go; most are idle most of the time.
    func dueQueues() async throws -> [WorkQueue] {
        let rows = try await database.query(
            "select q.name from job_queues q where exists (select from lanes l where l.queue = q.name and l.next_at <= now())")
        let due = Set(try rows.compactMap { WorkQueue(rawValue: try $0.decode("name")) })
        return WorkQueue.allCases.filter(due.contains)
    }

    /// Claims up to `room` jobs; throws ``LostLease`` when another dispatcher has taken over.
    func claim(
        _ queue: WorkQueue, room: Int, share: FairShare, fence: Int64, holder: String, lease: Double, now: Date
    ) async throws -> Admission {
        try await database.transaction { transaction in
            // Shared with others who read it, in the way of whoever wants to take the lease over.
            let leading = try await transaction.query(
                """
                select fence, \(SuppressionLock.shared) from dispatcher_lease
                where holder = \(holder) and fence = \(fence) and expires_at > now() for share
                """)
            guard !leading.isEmpty else { throw LostLease() }
            var admission = Admission(share: share)
            var visits = try await visits(queue, room: room, in: transaction)
            guard !visits.isEmpty else { return admission }
            let shares = admission.share.share(room, among: visits.map { ($0.lane, $0.wants) })
            let heads = try await heads(queue, shares, in: transaction)
            for index in visits.indices { visits[index].settle(share: shares[visits[index].lane] ?? 0, heads: heads[visits[index].lane] ?? []) }
            admission.mayBeMore = visits.count == LaneStore.window || visits.contains { if case .now = $0.next { $0.taken > 0 } else { false } }
            let picked = visits.flatMap(\.heads)
            let suppressed = queue.isForMail ? try await suppress(queue, picked, now: now, in: transaction) : []
            let fit = picked.filter { $0.isFit && !suppressed.contains($0.job) }
            if !fit.isEmpty { admission.claimed = try await claim(queue, fit, lease: lease, in: transaction) }
            try await transaction.pipeline(after(queue, visits, picked: picked, fit: fit, now: now))
            return admission
        }
    }

    // MARK: - What is looked at

    struct Head: Sendable {
        let job: UUID
        let lane: Lane
        let isGated: Bool
        /// Its destination rests until then.
        let pausedUntil: Date?

        var isFit: Bool { !isGated && pausedUntil == nil }
    }

    /// One lane in this look.
    private struct Visit {
        let lane: Lane
        /// How many it could take.
        let wants: Int
        /// Whether it takes one at a time.
        var hasGap = false
        var next: LaneStore.Next
        var heads: [Head] = []
        var taken: Int { heads.count }

        /// A lane that filled its share, or got none, is due again at once.
        mutating func settle(share: Int, heads: [Head]) {
            guard wants > 0 else { return }
            self.heads = heads
            next = heads.count >= share ? .now : .whenDue
        }
    }

    private func visits(_ queue: WorkQueue, room: Int, in transaction: Transaction) async throws -> [Visit] {
        guard queue.isForMail else {
            return try await LaneStore.dueOthers(queue, in: transaction).map { Visit(lane: $0, wants: room, next: .whenDue) }
        }
        var visits: [Visit] = []
        for due in try await LaneStore.dueMailboxes(queue, cap: perMailbox, in: transaction) {
            let now = due.now
            guard let pace = due.pace else {
                // Stopped, paused or gone; whoever lets it send again wakes its lanes.
                visits.append(Visit(lane: due.lane, wants: 0, next: .at(now.addingTimeInterval(30))))
                continue
            }
            switch pace.verdict(now: now, cap: perMailbox) {
            case .open(let allowance): visits.append(Visit(lane: due.lane, wants: min(allowance, room), hasGap: pace.gapSeconds > 0, next: .whenDue))
            case .closed(.busy): visits.append(Visit(lane: due.lane, wants: 0, next: .now))
            case .closed(.gap): visits.append(Visit(lane: due.lane, wants: 0, next: .at(pace.opensAt ?? now)))
            case .closed(.dailyLimit):
                let limit = pace.effectiveDailyLimit(now: now) ?? 0
                let until = try await LaneStore.reopening(of: due.lane, limit: limit, window: 86_400, now: now, in: transaction)
                visits.append(Visit(lane: due.lane, wants: 0, next: .at(until)))
            case .closed(.hourlyLimit):
                let until = try await LaneStore.reopening(of: due.lane, limit: pace.hourlyLimit ?? 0, window: 3_600, now: now, in: transaction)
                visits.append(Visit(lane: due.lane, wants: 0, next: .at(until)))
            }
        }
        return visits
    }

    /// The first of each lane, as many as its share, first in first out within a priority.
    ///
    /// The sum keeps the time out of the index conditions: the rows come in order out of `jobs_claimable`, a few of them, instead of all that are
    /// due out of `jobs_in_lane`, to be sorted; with ten thousand in a lane that is the difference between one millisecond and a hundred.
    static func heads(_ queue: WorkQueue, _ shares: [Lane: Int]) -> SQL {
        let asked = Array(shares)
        return """
            select h.id, q.tenant_id, q.lane_id, h.gated, p.closed_until
            from unnest(\(asked.map(\.key.tenant)), \(asked.map(\.key.id)), \(asked.map(\.value))) as q (tenant_id, lane_id, quota)
            cross join lateral (
                select j.id, j.destination, j.priority, j.run_at, exists (
                    select from send_gates g where g.tenant_id = j.tenant_id and not g.is_open and (g.scope, g.id) in (
                        ('tenant', j.tenant_id::text), ('access', j.tenant_id::text), ('workspace', j.workspace_id::text),
                        ('campaign', j.campaign_id::text), ('enrolment', j.enrolment_id::text), ('mailbox', j.lane_id::text))) as gated
                from jobs j
                where j.tenant_id = q.tenant_id and j.lane_id = q.lane_id and j.queue = \(queue) and j.state = 'queued' and j.run_at + interval '0' <= now()
                order by j.priority, j.run_at, j.id limit q.quota for update of j skip locked
            ) h
            left join destination_providers d on d.domain = h.destination
            left join destination_pauses p on p.tenant_id = q.tenant_id and p.mailbox_id = q.lane_id
                and p.destination = coalesce(d.provider, h.destination) and p.closed_until > now()
            order by h.priority, h.run_at, h.id
            """
    }

    private func heads(_ queue: WorkQueue, _ shares: [Lane: Int], in transaction: Transaction) async throws -> [Lane: [Head]] {
        let rows = try await transaction.query(Self.heads(queue, shares))
        let heads = try rows.map { row in
            Head(
                job: try row.decode("id"), lane: Lane(tenant: try row.decode("tenant_id"), id: try row.decode("lane_id")),
                isGated: try row.decode("gated"), pausedUntil: try row.decodeOptional("closed_until"))
        }
        return Dictionary(grouping: heads, by: \.lane)
    }

    // MARK: - What becomes of it

    /// Job and, for mail, ledger row in one statement; in the order in which they go out.
    private func claim(_ queue: WorkQueue, _ fit: [Head], lease: Double, in transaction: Transaction) async throws -> [Claim] {
        let claim: SQL = """
            update jobs set state = 'running', attempt = attempt + 1, fence = fence + 1, claimed_at = now(),
                lease_until = now() + make_interval(secs => \(lease))
            where id = any(\(fit.map(\.job))) returning id, tenant_id, fence, priority, run_at
            """
        let rows =
            if queue.isForMail {
                try await transaction.query(
                    """
                    with claimed as (\(claim)), ledger as (
                        update sends s set state = 'claimed', version = s.version + 1, fence = c.fence
                        from claimed c where s.tenant_id = c.tenant_id and s.id = c.id and s.state in ('planned', 'deferred')
                        returning s.id
                    )
                    select c.id, c.fence from claimed c join ledger l on l.id = c.id order by c.priority, c.run_at, c.id
                    """)
            } else {
                try await transaction.query("with claimed as (\(claim)) select id, fence from claimed order by priority, run_at, id")
            }
        return try rows.map { Claim(job: try $0.decode("id"), fence: try $0.decode("fence")) }
    }

    private func after(_ queue: WorkQueue, _ visits: [Visit], picked: [Head], fit: [Head], now: Date) -> [SQL] {
        var statements = [LaneStore.reschedule(queue, visits.map { ($0.lane, $0.next) })]
        let gated = picked.filter(\.isGated)
        if !gated.isEmpty { statements.append("update jobs set state = 'gated' where id = any(\(gated.map(\.job))) and state = 'queued'") }
        let paused = picked.filter { !$0.isGated && $0.pausedUntil != nil }
        if !paused.isEmpty {
            statements.append(
                """
                update jobs j set run_at = p.until from unnest(\(paused.map(\.job)), \(paused.map { $0.pausedUntil ?? now })) as p (id, until)
                where j.id = p.id and j.state = 'queued'
                """)
        }
        guard !fit.isEmpty else { return statements }
        if queue.isForMail { statements += [use(fit), close(visits, fit)].compactMap(\.self) }
        return statements + counters.record([QueueChange(queue: queue.rawValue, waiting: -fit.count, active: fit.count)], now: now)
    }

    /// Counts claims against their mailboxes, by the minute.
    private func use(_ fit: [Head]) -> SQL {
        """
        insert into mailbox_minutes as m (tenant_id, mailbox_id, minute, mails)
        select tenant_id, mailbox_id, date_trunc('minute', now()), count(*) from unnest(\(fit.map(\.lane.tenant)), \(fit.map(\.lane.id)))
            as f (tenant_id, mailbox_id) group by 1, 2
        on conflict (tenant_id, mailbox_id, minute) do update set mails = m.mails + excluded.mails
        """
    }

    /// A mailbox with a gap is closed until the end of its mail is known, which opens it; should nobody know, it opens by itself.
    private func close(_ visits: [Visit], _ fit: [Head]) -> SQL? {
        let taken = Set(fit.map(\.lane))
        let lanes = visits.filter { $0.hasGap && taken.contains($0.lane) }.map(\.lane)
        guard !lanes.isEmpty else { return nil }
        return """
            update mailboxes m set opens_at = now() + interval '10 minutes' from unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id))) as l (tenant_id, id)
            where m.tenant_id = l.tenant_id and m.id = l.id
            """
    }

    /// Takes out those who must not be written to, for good; the reservation gets its mails back.
    private func suppress(_ queue: WorkQueue, _ picked: [Head], now: Date, in transaction: Transaction) async throws -> Set<UUID> {
        let rows = try await SuppressionFence(erased: erased).takeOut(picked.map { ($0.lane.tenant, $0.job) }, now: now, in: transaction)
        guard !rows.isEmpty else { return [] }
        let sends = try rows.map { try $0.decode("id", as: UUID.self) }
        let tenants = try rows.map { try $0.decode("tenant_id", as: TenantID.self) }
        var statements: [SQL] = [
            "update jobs set state = 'completed', finished_at = \(now) where id = any(\(sends))",
            "delete from send_contents where (tenant_id, send_id) in (select * from unnest(\(tenants), \(sends)))",
        ]
        if let release = try SuppressionFence.release(rows) { statements.append(release) }
        statements += counters.record([QueueChange(queue: queue.rawValue, waiting: -rows.count, completed: rows.count)], now: now)
        try await transaction.pipeline(statements)
        try await events.append(try rows.map { try SendEvents.Resolved(row: $0, state: .suppressed, at: now) }, at: now, in: transaction)
        return Set(sends)
    }
}

extension SendEvents.Resolved {
    /// From a ledger row with its identifying columns and version.
    init(row: Row, state: DeliveryEvents.SendState, at instant: Date) throws {
        self.init(
            tenant: try row.decode("tenant_id"),
            send: .init(
                sendKey: try row.decode("send_key"), version: try row.decode("version"), campaign: try row.decodeOptional("campaign_id"),
                enrolment: try row.decodeOptional("enrolment_id"), state: state, code: nil, at: instant))
    }
}
