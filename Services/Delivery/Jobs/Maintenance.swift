import Foundation
import Postgres
import Primitives

/// Keeps the tables small and the counters right; each step is a small transaction, so that nobody waits for it.
struct Maintenance: Sendable {
    /// How long what is finished stays. Idempotency does not depend on it: that is the ledger's.
    struct Retention: Sendable {
        var completed: TimeInterval
        var failed: TimeInterval
        var logs: TimeInterval
    }

    let database: Database
    let retention: Retention
    let clock: WallClock

    private static let batch = 1_000

    var handlers: [String: JobHandler] {
        [
            "maintenance.retention": { _ in
                try await prune()
                return .done
            },
            "maintenance.recount": { _ in
                try await recount()
                return .done
            },
        ]
    }

    /// Deletes what has been finished for long enough, a batch at a time.
    func prune() async throws {
        let now = clock.now
        for queue in WorkQueue.allCases {
            // Identifiers begin with the time of making: whoever was finished long ago was made before that.
            let (completed, failed) = (now.addingTimeInterval(-retention.completed), now.addingTimeInterval(-retention.failed))
            try await deleteAll(
                """
                delete from jobs where id in (
                    select id from jobs where queue = \(queue) and state in ('completed', 'cancelled') and id < \(UUID.lowest(at: completed))
                      and finished_at < \(completed) order by id limit \(Self.batch))
                """)
            let gone = try await deleteAll(
                """
                delete from jobs where id in (
                    select id from jobs where queue = \(queue) and state = 'failed' and id < \(UUID.lowest(at: failed)) and finished_at < \(failed)
                    order by id limit \(Self.batch))
                """)
            if gone > 0 {
                try await database.query(
                    """
                    insert into queue_counters as c (queue, shard, failed) values (\(queue), \(Self.recountShard), \(-gone))
                    on conflict (queue, shard) do update set failed = c.failed + excluded.failed
                    """)
            }
        }
        let logs = now.addingTimeInterval(-retention.logs)
        try await deleteAll("delete from job_logs where id in (select id from job_logs where at < \(logs) order by at limit \(Self.batch))")
        let day = now.addingTimeInterval(-2 * 86_400)
        try await deleteAll(
            """
            delete from mailbox_minutes where (tenant_id, mailbox_id, minute) in (
                select tenant_id, mailbox_id, minute from mailbox_minutes where minute < \(day) order by minute limit \(Self.batch))
            """)
        try await deleteAll(
            """
            delete from mailbox_days where (tenant_id, mailbox_id, day) in (
                select tenant_id, mailbox_id, day from mailbox_days where day < (\(day) at time zone 'UTC')::date order by day limit \(Self.batch))
            """)
        try await deleteAll(
            """
            delete from queue_minutes where (queue, minute, shard) in (
                select queue, minute, shard from queue_minutes where minute < \(day) order by minute limit \(Self.batch))
            """)
        try await database.query("delete from transport_minutes where minute < \(day)")
        try await database.query("delete from destination_pauses where closed_until < \(now.addingTimeInterval(-86_400))")
        try await database.query("delete from workers where seen_at < \(now.addingTimeInterval(-3_600))")
    }

    /// Counts the jobs once, at night, and moves the counters to what is there; they can only drift by what a defect did.
    func recount() async throws {
        try await database.transaction { transaction in
            // Nobody changes a count meanwhile; at most a second on a table of live jobs.
            try await transaction.query("lock table queue_counters in exclusive mode")
            try await transaction.query(
                """
                with counted as (
                    select q.name as queue,
                        (select count(*) from jobs j where j.queue = q.name and j.state in ('queued', 'gated')) as waiting,
                        (select count(*) from jobs j where j.queue = q.name and j.state = 'running') as active,
                        (select count(*) from jobs j where j.queue = q.name and j.state = 'failed') as failed
                    from job_queues q
                ), known as (select queue, sum(waiting) as waiting, sum(active) as active, sum(failed) as failed from queue_counters group by queue)
                insert into queue_counters as c (queue, shard, waiting, active, failed)
                select n.queue, \(Self.recountShard), n.waiting - coalesce(k.waiting, 0), n.active - coalesce(k.active, 0), n.failed - coalesce(k.failed, 0)
                from counted n left join known k on k.queue = n.queue
                on conflict (queue, shard) do update set waiting = c.waiting + excluded.waiting, active = c.active + excluded.active,
                    failed = c.failed + excluded.failed
                """)
        }
    }

    /// Corrections have a shard of their own.
    static let recountShard = 1_000

    @discardableResult
    private func deleteAll(_ statement: SQL) async throws -> Int {
        var all = 0
        while true {
            let deleted = try await database.query(statement).affected
            all += deleted
            if deleted < Self.batch { return all }
        }
    }
}
