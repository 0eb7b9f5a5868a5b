import Contracts
import Foundation
import Logging
import Postgres
import Streams

/// Takes back claims whose lease has ended: what has had no effect is queued again, mail that may have been sent is ambiguous.
struct Sweeper: Sendable {
    let database: Database
    let events: SendEvents
    let counters: QueueCounters
    let logger: Logger

    private struct Expired: Sendable {
        let job: UUID
        let tenant: TenantID
        let queue: String
        let lane: UUID

        init(_ row: Row) throws {
            job = try row.decode("id")
            tenant = try row.decode("tenant_id")
            queue = try row.decode("queue")
            lane = try row.decode("lane_id")
        }
    }

    /// How many leases had ended.
    @discardableResult
    func sweep(now: Date) async throws -> Int {
        let swept = try await database.transaction { transaction in
            // The ledger's rows first, as whoever writes outcomes does.
            let mails = try await transaction.query(
                """
                select j.id, j.tenant_id, j.queue, j.lane_id, s.state from jobs j
                join sends s on s.tenant_id = j.tenant_id and s.id = j.id and s.fence = j.fence and s.state in ('claimed', 'data_sent')
                where j.state = 'running' and j.lease_until < now() and j.kind = 'email'
                order by j.lease_until limit 500 for update of s skip locked
                """)
            let others = try await transaction.query(
                """
                select id, tenant_id, queue, lane_id from jobs where state = 'running' and lease_until < now() and kind <> 'email'
                order by lease_until limit 500 for update skip locked
                """)
            let sent = try mails.filter { try $0.decode("state", as: String.self) == "data_sent" }.map(Expired.init)
            let unsent = try mails.filter { try $0.decode("state", as: String.self) == "claimed" }.map(Expired.init)
            let idle = try others.map(Expired.init)
            var changes: [QueueChange] = []
            if !sent.isEmpty { changes += try await hold(sent, now: now, in: transaction) }
            if !unsent.isEmpty { changes += try await planAgain(unsent, now: now, in: transaction) }
            if !idle.isEmpty { changes += try await queueAgain(idle, now: now, in: transaction) }
            if !changes.isEmpty { FaultPoint.pass(.insideSweep) }
            try await transaction.pipeline(counters.record(changes, now: now))
            return (again: unsent.count + idle.count, held: sent.count)
        }
        if swept.again + swept.held > 0 {
            logger.notice("took claims back", metadata: ["again": "\(swept.again)", "held": "\(swept.held)"])
        }
        return swept.again + swept.held
    }

    /// Nothing was sent: the try does not count, nor does it against the mailbox.
    private func planAgain(_ expired: [Expired], now: Date, in transaction: Transaction) async throws -> [QueueChange] {
        let (tenants, jobs) = (expired.map(\.tenant), expired.map(\.job))
        try await transaction.query(
            """
            update sends s set state = 'planned', version = s.version + 1, fence = s.fence + 1
            from unnest(\(tenants), \(jobs)) as p (tenant_id, id) where s.tenant_id = p.tenant_id and s.id = p.id
            """)
        try await transaction.pipeline([
            "update jobs set state = 'queued', attempt = attempt - 1, fence = fence + 1, lease_until = null where id = any(\(jobs))",
            LaneStore.wake(expired.map { ($0.queue, Lane(tenant: $0.tenant, id: $0.lane), now) }),
            PaceStore.giveBack(jobs),
            PaceStore.reopen(Set(expired.map { Lane(tenant: $0.tenant, id: $0.lane) })),
        ])
        return expired.map { QueueChange(queue: $0.queue, waiting: 1, active: -1) }
    }

    /// What works without effects outside may run once more; the try counts, so that a job which ends its worker does not do so for ever.
    private func queueAgain(_ expired: [Expired], now: Date, in transaction: Transaction) async throws -> [QueueChange] {
        let rows = try await transaction.query(
            """
            update jobs set fence = fence + 1, lease_until = null, error = 'the worker ended while it worked on this job',
                state = case when attempt >= max_attempts then 'failed' else 'queued' end,
                finished_at = case when attempt >= max_attempts then \(now)::timestamptz end
            where id = any(\(expired.map(\.job))) returning queue, tenant_id, lane_id, state
            """)
        let again = try rows.filter { try $0.decode("state", as: String.self) == "queued" }
        if !again.isEmpty {
            try await transaction.query(
                LaneStore.wake(
                    try again.map { row in
                        (try row.decode("queue"), Lane(tenant: try row.decode("tenant_id"), id: try row.decode("lane_id")), now)
                    }))
        }
        return try rows.map { row in
            let failed = try row.decode("state", as: String.self) == "failed"
            return QueueChange(
                queue: try row.decode("queue"), waiting: failed ? 0 : 1, active: -1, failed: failed ? 1 : 0, gaveUp: failed ? 1 : 0,
                retried: failed ? 0 : 1)
        }
    }

    /// The body may have reached the server and nobody knows: held, told, and counted as used.
    private func hold(_ expired: [Expired], now: Date, in transaction: Transaction) async throws -> [QueueChange] {
        let words = "the worker ended between the mail and the server's reply"
        // What a restore marked (Tools/postgres/restored.sql) says so itself.
        let rows = try await transaction.query(
            """
            update sends s set state = 'ambiguous', version = s.version + 1, resolved_at = \(now),
                reply_text = case when starts_with(s.reply_text, 'restored from a backup') then s.reply_text else \(words) end
            from unnest(\(expired.map(\.tenant)), \(expired.map(\.job))) as p (tenant_id, id)
            where s.tenant_id = p.tenant_id and s.id = p.id
            returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id, s.reservation_id
            """)
        // The fence stays: a late reply of the same attempt may still settle it.
        var statements: [SQL] = [
            "update jobs set state = 'failed', finished_at = \(now), lease_until = null, error = \(words) where id = any(\(expired.map(\.job)))"
        ]
        let reserved = try rows.compactMap { row in
            try row.decodeOptional("reservation_id", as: ReservationID.self).map { (try row.decode("tenant_id", as: TenantID.self), $0) }
        }
        if !reserved.isEmpty { statements.append(SettlementStore.use(reserved)) }
        statements.append(PaceStore.reopen(Set(expired.map { Lane(tenant: $0.tenant, id: $0.lane) })))
        try await transaction.pipeline(statements)
        try await events.append(try rows.map { try SendEvents.Resolved(row: $0, state: .ambiguous, at: now) }, at: now, in: transaction)
        return expired.map { QueueChange(queue: $0.queue, active: -1, failed: 1, gaveUp: 1) }
    }
}
