import Contracts
import Foundation
import Postgres

/// Work that comes by the clock, put into its queue by whoever leads the dispatch.
struct Cron: Sendable {
    let database: Database
    let jobs: JobStore

    /// Enqueues what is due, once a period: the key names the time, and a period that nobody was there for is not made up.
    func enqueueDue(now: Date) async throws {
        let due = try await database.query("select kind from cron_kinds where next_at <= \(now) limit 100")
        guard !due.isEmpty else { return }
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                update cron_kinds c set next_at = c.next_at + make_interval(secs => c.period_seconds
                    * (floor(extract(epoch from \(now)::timestamptz - c.next_at) / c.period_seconds) + 1))
                where c.next_at <= \(now) returning c.kind, c.queue, c.next_at
                """)
            let new = try rows.map { row in
                let next: Date = try row.decode("next_at")
                let kind: String = try row.decode("kind")
                return NewJob(
                    queue: try row.decode("queue"), kind: kind, uniqueKey: "before \(WireJSON.format(next))", maxAttempts: 5)
            }
            try await jobs.enqueue(new, now: now, in: transaction)
        }
    }
}
