import Foundation
import Postgres

/// One queue as the monitor shows it.
struct QueueOverview: Sendable, Encodable {
    let name: String
    let health: QueueHealth
    /// Everything that is not finished.
    let depth: Int
    let active: Int
    /// Due, whether it may run or is held by a gate or a pace; counted up to ``QueueMonitor/cap``.
    let waiting: Int
    /// Not due yet; counted up to ``QueueMonitor/cap``.
    let delayed: Int
    let failed: Int
    let completedLastHour: Int
    let failedLastHour: Int
    /// Of the last full minute.
    let inPerMinute: Int
    let outPerMinute: Int
    /// Of the job that has been due for the longest.
    let oldestAgeSeconds: Int?
    let isPaused: Bool
    let pausedAt: Date?
    let pausedBy: String?
    let pauseReason: String?
    let workers: Int
}

/// Reads the state of the queues: sums of counters, and counts that stop at a bound; never a scan.
struct QueueMonitor: Sendable {
    static let cap = 10_000

    let database: Database

    /// `now`: what the age of jobs is told by.
    func overview(of name: String? = nil, now: Date) async throws -> [QueueOverview] {
        try await database.query(
            """
            select q.name, q.paused_at, q.paused_by, q.pause_reason, q.warning_waiting, q.critical_waiting, q.critical_failed,
                greatest(0, coalesce(c.waiting, 0)) as waiting_all, greatest(0, coalesce(c.active, 0)) as active,
                greatest(0, coalesce(c.failed, 0)) as failed, coalesce(m.completed, 0) as completed_hour, coalesce(m.failed, 0) as failed_hour,
                coalesce(m.came, 0) as came, coalesce(m.went, 0) as went, d.due, d.delayed, d.runnable, d.oldest, w.workers
            from job_queues q
            left join (select queue, sum(waiting)::bigint as waiting, sum(active)::bigint as active, sum(failed)::bigint as failed
                       from queue_counters group by queue) c on c.queue = q.name
            left join (select queue, sum(completed)::bigint as completed, sum(failed)::bigint as failed,
                           sum(enqueued) filter (where minute = date_trunc('minute', now()) - interval '1 minute')::bigint as came,
                           sum(completed + failed) filter (where minute = date_trunc('minute', now()) - interval '1 minute')::bigint as went
                       from queue_minutes where minute > now() - interval '1 hour' group by queue) m on m.queue = q.name
            cross join lateral (
                select
                    (select count(*) from (select from jobs j where j.queue = q.name and j.state = 'queued' and j.run_at <= now()
                        limit \(Self.cap)) a) as due,
                    (select count(*) from (select from jobs j where j.queue = q.name and j.state = 'queued' and j.run_at > now()
                        limit \(Self.cap)) a) as delayed,
                    (select count(*) from (select from lanes l join jobs j on j.tenant_id = l.tenant_id and j.lane_id = l.lane_id
                        and j.queue = l.queue and j.state = 'queued' and j.run_at <= now()
                        where l.queue = q.name and l.next_at <= now() limit \(Self.cap)) a) as runnable,
                    (select j.run_at from jobs j where j.queue = q.name and j.state = 'queued' and j.run_at <= now()
                        order by j.run_at, j.id limit 1) as oldest
            ) d
            cross join (select count(*) as workers from workers where seen_at > now() - interval '1 minute') w
            where \(name)::text is null or q.name = \(name) order by q.name
            """
        ).map { try Self.overview($0, now: now) }
    }

    private static func overview(_ row: Row, now: Date) throws -> QueueOverview {
        let failed: Int = try row.decode("failed")
        let pausedAt: Date? = try row.decodeOptional("paused_at")
        let oldest: Date? = try row.decodeOptional("oldest")
        let thresholds = QueueHealth.Thresholds(
            warningWaiting: try row.decode("warning_waiting"), criticalWaiting: try row.decode("critical_waiting"),
            criticalFailed: try row.decode("critical_failed"))
        let active: Int = try row.decode("active")
        return QueueOverview(
            name: try row.decode("name"), health: QueueHealth(overdue: try row.decode("runnable"), failed: failed, thresholds: thresholds),
            depth: try row.decode("waiting_all", as: Int.self) + active, active: active, waiting: try row.decode("due"),
            delayed: try row.decode("delayed"), failed: failed, completedLastHour: try row.decode("completed_hour"),
            failedLastHour: try row.decode("failed_hour"), inPerMinute: try row.decode("came"), outPerMinute: try row.decode("went"),
            oldestAgeSeconds: oldest.map { max(0, Int(now.timeIntervalSince($0))) }, isPaused: pausedAt != nil, pausedAt: pausedAt,
            pausedBy: try row.decodeOptional("paused_by"), pauseReason: try row.decodeOptional("pause_reason"), workers: try row.decode("workers"))
    }
}
