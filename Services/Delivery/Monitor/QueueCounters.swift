import Foundation
import Postgres

/// What a transaction changes in a queue: how many wait, run and have failed, and what happened in this minute.
struct QueueChange: Sendable, Equatable {
    var queue: String
    var waiting = 0
    var active = 0
    var failed = 0
    var enqueued = 0
    var completed = 0
    var gaveUp = 0
    var retried = 0

    /// One change a queue, in the order in which every writer locks the rows.
    static func merged(_ changes: [QueueChange]) -> [QueueChange] {
        var byQueue: [String: QueueChange] = [:]
        for change in changes {
            byQueue[change.queue, default: QueueChange(queue: change.queue)].add(change)
        }
        return byQueue.values.sorted { $0.queue < $1.queue }
    }

    private mutating func add(_ other: QueueChange) {
        waiting += other.waiting
        active += other.active
        failed += other.failed
        enqueued += other.enqueued
        completed += other.completed
        gaveUp += other.gaveUp
        retried += other.retried
    }
}

/// Keeps the counts of the queues in the commits that change them: reading them never counts jobs.
struct QueueCounters: Sendable {
    /// Who writes, so that those who write side by side do not wait for each other's commits.
    enum Writer: Int, Sendable {
        case enqueue
        case dispatch
        case outcome
        case other
    }

    private let shard: Int

    init(instance: String, _ writer: Writer) {
        // Not `hashValue`, which differs from start to start.
        let replica = instance.utf8.reduce(0) { ($0 * 31 + Int($1)) % 16 }
        shard = replica * 4 + writer.rawValue
    }

    /// The last statements of a transaction: what they lock, every writer wants.
    func record(_ changes: [QueueChange], now: Date) -> [SQL] {
        let merged = QueueChange.merged(changes)
        guard !merged.isEmpty else { return [] }
        var statements: [SQL] = [
            """
            insert into queue_counters as c (queue, shard, waiting, active, failed)
            select n.queue, \(shard), n.waiting, n.active, n.failed from unnest(\(merged.map(\.queue)), \(merged.map(\.waiting)),
                \(merged.map(\.active)), \(merged.map(\.failed))) as n (queue, waiting, active, failed)
            on conflict (queue, shard) do update set waiting = c.waiting + excluded.waiting, active = c.active + excluded.active,
                failed = c.failed + excluded.failed
            """
        ]
        let events = merged.filter { $0.enqueued != 0 || $0.completed != 0 || $0.gaveUp != 0 || $0.retried != 0 }
        if !events.isEmpty {
            statements.append(
                """
                insert into queue_minutes as m (queue, minute, shard, enqueued, completed, failed, retried)
                select n.queue, date_trunc('minute', \(now)::timestamptz), \(shard), n.enqueued, n.completed, n.failed, n.retried
                from unnest(\(events.map(\.queue)), \(events.map(\.enqueued)), \(events.map(\.completed)), \(events.map(\.gaveUp)),
                    \(events.map(\.retried))) as n (queue, enqueued, completed, failed, retried)
                on conflict (queue, minute, shard) do update set enqueued = m.enqueued + excluded.enqueued,
                    completed = m.completed + excluded.completed, failed = m.failed + excluded.failed, retried = m.retried + excluded.retried
                """)
        }
        return statements
    }
}
