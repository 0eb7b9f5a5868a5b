import Contracts
import Foundation
import Postgres

/// The SQL of lanes: which have work now, and when to look at each again.
enum LaneStore {
    /// A lane that is due, with what its mailbox may do; locked until the transaction ends.
    struct Due: Sendable {
        let lane: Lane
        /// Nil for lanes that are no active mailbox.
        let pace: MailboxPace?
        /// The database's time, by which all pace is kept: one clock for all replicas.
        let now: Date
    }

    /// When to look at a lane again.
    enum Next: Sendable {
        /// There may be more that is due.
        case now
        /// When the first of what waits is due.
        case whenDue
        case at(Date)
    }

    /// How many lanes one look takes in.
    static let window = 300

    /// Lanes of mailboxes that are due, each tenant's oldest first and tenants taking turns; none of a paused queue.
    static func dueMailboxes(_ queue: WorkQueue, cap: Int, in transaction: Transaction) async throws -> [Due] {
        let (day, hour) = (86_400 + MailboxPace.guardTime, 3_600 + MailboxPace.guardTime)
        let rows = try await transaction.query(
            """
            with due as materialized (\(due(queue))), locked as materialized (
                select l.tenant_id, l.lane_id, d.turn from lanes l join due d on d.tenant_id = l.tenant_id and d.lane_id = l.lane_id
                where l.queue = \(queue) for update of l skip locked)
            select l.tenant_id, l.lane_id, coalesce(m.state, '') as state, m.daily_limit, m.hourly_limit, coalesce(m.gap_seconds, 0) as gap_seconds,
                   m.opens_at, coalesce(u.day, 0) as day, coalesce(u.hour, 0) as hour, r.running, now() as now,
                   exists (select from complaint_holds h where \(ComplaintHold.covers)) as held, \(Warmup.columns)
            from locked l left join mailboxes m on m.tenant_id = l.tenant_id and m.id = l.lane_id
            left join warmup_strategies s on s.name = m.ramp
            left join lateral (
                select sum(x.mails) as day, sum(x.mails) filter (where x.minute > now() - make_interval(secs => \(hour))) as hour from mailbox_minutes x
                where x.tenant_id = l.tenant_id and x.mailbox_id = l.lane_id and x.minute > now() - make_interval(secs => \(day))
            ) u on m.daily_limit is not null or m.hourly_limit is not null or m.ramp is not null
            cross join lateral (
                select count(*) as running from (
                    select from jobs j where j.tenant_id = l.tenant_id and j.lane_id = l.lane_id and j.state = 'running' limit \(cap)) c
            ) r
            order by l.turn
            """)
        return try rows.map { row in
            let lane = Lane(tenant: try row.decode("tenant_id"), id: try row.decode("lane_id"))
            let now: Date = try row.decode("now")
            guard try row.decode("state", as: String.self) == "active", try !row.decode("held", as: Bool.self) else {
                return Due(lane: lane, pace: nil, now: now)
            }
            return Due(
                lane: lane,
                pace: MailboxPace(
                    dailyLimit: try row.decodeOptional("daily_limit"), hourlyLimit: try row.decodeOptional("hourly_limit"),
                    gapSeconds: try row.decode("gap_seconds"), warmup: try Warmup(row: row), opensAt: try row.decodeOptional("opens_at"),
                    usedInDay: try row.decode("day"), usedInHour: try row.decode("hour"), inFlight: try row.decode("running")),
                now: now)
        }
    }

    /// Lanes of other kinds that are due.
    static func dueOthers(_ queue: WorkQueue, in transaction: Transaction) async throws -> [Lane] {
        try await transaction.query(
            """
            with due as materialized (\(due(queue)))
            select l.tenant_id, l.lane_id from lanes l join due d on d.tenant_id = l.tenant_id and d.lane_id = l.lane_id
            where l.queue = \(queue) for update of l skip locked
            """
        ).map { Lane(tenant: try $0.decode("tenant_id"), id: try $0.decode("lane_id")) }
    }

    private static func due(_ queue: WorkQueue) -> SQL {
        """
        select tenant_id, lane_id, turn from (
            select tenant_id, lane_id, row_number() over (partition by tenant_id order by next_at, lane_id) as turn
            from lanes where queue = \(queue) and next_at <= now()
        ) l
        where exists (select from job_queues q where q.name = \(queue) and q.paused_at is null) order by turn limit \(Self.window)
        """
    }

    /// When what counts against a limit has fallen out of its window by so much that one more fits.
    static func reopening(of mailbox: Lane, limit: Int, window: TimeInterval, now: Date, in transaction: Transaction) async throws -> Date {
        let span = window + MailboxPace.guardTime
        let minute: Date? = try await transaction.query(
            """
            select max(minute) as minute from (
                select minute, sum(mails) over (order by minute desc) as since from mailbox_minutes
                where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and minute > \(now.addingTimeInterval(-span))) m
            where since >= \(limit)
            """)[0].decodeOptional("minute")
        return minute?.addingTimeInterval(span) ?? now
    }

    /// Says when to look at each lane again; the lanes must be locked.
    static func reschedule(_ queue: WorkQueue, _ visits: [(lane: Lane, next: Next)]) -> SQL {
        let dates = visits.map { visit -> Date? in if case .at(let date) = visit.next { date } else { nil } }
        let more = visits.map { visit in if case .now = visit.next { true } else { false } }
        return """
            update lanes l set next_at = case when v.more then now() else coalesce(
                v.at, (select min(j.run_at) from jobs j where j.tenant_id = l.tenant_id and j.lane_id = l.lane_id and j.queue = l.queue
                       and j.state = 'queued'), 'infinity') end
            from unnest(\(visits.map(\.lane.tenant)), \(visits.map(\.lane.id)), \(PostgresOptionals(dates)), \(more)) as v (tenant_id, lane_id, at, more)
            where l.queue = \(queue) and l.tenant_id = v.tenant_id and l.lane_id = v.lane_id
            """
    }

    /// Something was put into these lanes that is due at these times; sorted, so that two writers never wait for each other crosswise.
    static func wake(_ entries: [(queue: String, lane: Lane, at: Date)]) -> SQL {
        """
        insert into lanes as l (queue, tenant_id, lane_id, next_at)
        select queue, tenant_id, lane_id, min(at) from unnest(\(entries.map(\.queue)), \(entries.map(\.lane.tenant)), \(entries.map(\.lane.id)),
            \(entries.map(\.at))) as e (queue, tenant_id, lane_id, at) group by 1, 2, 3 order by 1, 2, 3
        on conflict (queue, tenant_id, lane_id) do update set next_at = least(l.next_at, excluded.next_at)
        """
    }

    /// As ``wake(_:)``, and looks again at once at mailboxes that waited for a mail's end; one statement, so that the order of the locks holds.
    static func wake(_ entries: [(queue: String, lane: Lane, at: Date)], and mailboxes: Set<Lane>) -> SQL {
        let lanes = mailboxes.sorted()
        return """
            insert into lanes as l (queue, tenant_id, lane_id, next_at)
            select queue, tenant_id, lane_id, min(at) from (
                select e.queue, e.tenant_id, e.lane_id, e.at from unnest(\(entries.map(\.queue)), \(entries.map(\.lane.tenant)),
                    \(entries.map(\.lane.id)), \(entries.map(\.at))) as e (queue, tenant_id, lane_id, at)
                union all
                select x.queue, x.tenant_id, x.lane_id, now() from lanes x join unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id)))
                    as m (tenant_id, lane_id) on x.tenant_id = m.tenant_id and x.lane_id = m.lane_id
                where x.queue = any(\(WorkQueue.forMail.map(\.rawValue)))
            ) w group by 1, 2, 3 order by 1, 2, 3
            on conflict (queue, tenant_id, lane_id) do update set next_at = least(l.next_at, excluded.next_at)
            """
    }

    /// Looks at a mailbox again at once, as after a change of its pace or state.
    static func wake(mailbox: MailboxID, of tenant: TenantID) -> SQL {
        "update lanes set next_at = now() where tenant_id = \(tenant) and lane_id = \(mailbox) and queue = any(\(WorkQueue.forMail.map(\.rawValue)))"
    }
}
