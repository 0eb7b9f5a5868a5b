import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// What an operator does to queues and jobs; each act is in the audit trail, in the transaction that made it true.
struct QueueOperations: Sendable {
    /// Which failed jobs an act on many is for.
    struct Filter: Codable, Sendable, Equatable {
        var kind: String?
        var tenant: TenantID?
    }

    let database: Database
    let counters: QueueCounters
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock

    typealias Audit = (_ action: String, _ targets: [AuditRecord.Target], _ metadata: [String: String]) -> AuditRecord

    /// Nothing more of the queue is admitted until it is resumed; what is admitted already goes on.
    func pause(_ queue: String, reason: String, by identity: Identity, audit: Audit) async throws {
        try await act("queue.pause", on: queue, by: identity, metadata: ["reason": reason], audit) { transaction, now in
            try await transaction.query(
                """
                update job_queues set paused_at = coalesce(paused_at, \(now)), paused_by = \(identity.name), pause_reason = \(reason)
                where name = \(queue)
                """
            ).affected
        }
    }

    func resume(_ queue: String, by identity: Identity, audit: Audit) async throws {
        try await act("queue.resume", on: queue, by: identity, audit) { transaction, _ in
            try await transaction.query(
                "update job_queues set paused_at = null, paused_by = null, pause_reason = null where name = \(queue)"
            ).affected
        }
        wakeup.signal()
    }

    /// Tries a failed job anew, with all its attempts. Mail that a server refused is not sent again: what it said is erased.
    func retry(_ job: UUID, in queue: String, by identity: Identity, audit: Audit) async throws {
        let done = try await act("job.retry", on: queue, job: job, by: identity, audit) { transaction, now in
            try await Self.queueAgain(
                "select id from jobs where id = \(job) and queue = \(queue) and state = 'failed' and kind <> 'email' for update", counters, now: now,
                in: transaction)
        }
        guard done > 0 else {
            throw Problem.conflict(
                kind: "job_not_retryable", title: "Only failed jobs can be retried, and no mail that was refused.",
                detail: "A mail whose fate is unknown is settled under /api/v1/sends.")
        }
        wakeup.signal()
    }

    /// As ``retry(_:in:by:audit:)`` for every failed job that fits, in batches; how many.
    func retryAll(_ filter: Filter, in queue: String, by identity: Identity, audit: Audit) async throws -> Int {
        let all = try await act("queue.retry_all", on: queue, by: identity, audit) { transaction, now in
            try await Self.queueAgain(
                """
                select id from jobs where queue = \(queue) and state = 'failed' and kind <> 'email'
                  and (\(filter.kind)::text is null or kind = \(filter.kind)) and (\(filter.tenant)::uuid is null or tenant_id = \(filter.tenant))
                order by id limit 10000 for update skip locked
                """, counters, now: now, in: transaction)
        }
        wakeup.signal()
        return all
    }

    /// Takes a job that is not running out of its queue for good; a mail's reservation gets it back.
    func cancel(_ job: UUID, in queue: String, by identity: Identity, audit: Audit) async throws {
        let events = SendEvents(outbox: outbox)
        let done = try await act("job.cancel", on: queue, job: job, by: identity, audit) { transaction, now in
            // The job before its send, in the order of whoever claims it.
            try await transaction.query("select id from jobs where id = \(job) and queue = \(queue) and state in ('queued', 'gated') for update")
            let sends = try await transaction.query(
                """
                update sends s set state = 'cancelled', version = s.version + 1, fence = s.fence + 1, resolved_at = \(now) from jobs j
                where j.id = \(job) and j.queue = \(queue) and j.state in ('queued', 'gated') and s.tenant_id = j.tenant_id and s.id = j.id
                  and s.state in ('planned', 'deferred')
                returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id, s.reservation_id
                """)
            let cancelled = try await transaction.query(
                """
                update jobs set state = 'cancelled', finished_at = \(now), error = 'cancelled by an operator'
                where id = \(job) and queue = \(queue) and state in ('queued', 'gated') returning tenant_id
                """)
            guard let row = cancelled.first else { return 0 }
            let tenant: TenantID = try row.decode("tenant_id")
            var statements: [SQL] = ["delete from send_contents where tenant_id = \(tenant) and send_id = \(job)"]
            if let reservation = try sends.first?.decodeOptional("reservation_id", as: ReservationID.self) {
                statements.append(SettlementStore.release([(tenant, reservation)]))
            }
            statements += counters.record([QueueChange(queue: queue, waiting: -1, completed: 1)], now: now)
            try await transaction.pipeline(statements)
            try await events.append(try sends.map { try SendEvents.Resolved(row: $0, state: .cancelled, at: now) }, at: now, in: transaction)
            return 1
        }
        guard done > 0 else {
            throw Problem.conflict(kind: "job_not_cancellable", title: "Only a job that waits can be cancelled.")
        }
    }

    /// Removes what has failed and fits; the ledger keeps what became of mails. How many.
    func clearFailed(_ filter: Filter, in queue: String, by identity: Identity, audit: Audit) async throws -> Int {
        try await act("queue.clear_failed", on: queue, by: identity, audit) { transaction, now in
            let gone = try await transaction.query(
                """
                delete from jobs where id in (
                    select j.id from jobs j where j.queue = \(queue) and j.state = 'failed'
                      and (\(filter.kind)::text is null or j.kind = \(filter.kind))
                      and (\(filter.tenant)::uuid is null or j.tenant_id = \(filter.tenant))
                      and not exists (
                        select from sends s where s.tenant_id = j.tenant_id and s.id = j.id and s.state = 'ambiguous')
                    order by j.id limit 50000)
                """
            ).affected
            if gone > 0 { try await transaction.pipeline(counters.record([QueueChange(queue: queue, failed: -gone)], now: now)) }
            return gone
        }
    }

    /// Queues the jobs that `selection` finds once more.
    private static func queueAgain(_ selection: SQL, _ counters: QueueCounters, now: Date, in transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            """
            with picked as materialized (\(selection))
            update jobs j set state = 'queued', attempt = 0, unreachable = 0, run_at = \(now), finished_at = null, error = null, fence = j.fence + 1
            from picked p where j.id = p.id returning j.id, j.queue, j.tenant_id, j.lane_id
            """)
        guard !rows.isEmpty else { return 0 }
        let entries = try rows.map { row in
            (
                queue: try row.decode("queue", as: String.self), lane: Lane(tenant: try row.decode("tenant_id"), id: try row.decode("lane_id")),
                at: now
            )
        }
        let logs = try rows.map { row in
            JobLog(tenant: try row.decode("tenant_id"), job: try row.decode("id"), attempt: 0, level: .info, message: "retried by an operator")
        }
        let changes = entries.map { QueueChange(queue: $0.queue, waiting: 1, failed: -1) }
        try await transaction.pipeline([LaneStore.wake(entries), JobLog.insert(logs, now: now)] + counters.record(changes, now: now))
        return rows.count
    }

    @discardableResult
    private func act(
        _ action: String, on queue: String, job: UUID? = nil, by identity: Identity, metadata: [String: String] = [:], _ audit: Audit,
        _ work: @Sendable (Transaction, Date) async throws -> Int
    ) async throws -> Int {
        let now = clock.now
        let target =
            job.map { AuditRecord.Target(type: "job", id: $0.text) } ?? AuditRecord.Target(type: "queue", id: queue)
        let record = audit(action, [target], metadata.merging(["queue": queue]) { first, _ in first })
        let actor = identity.actor
        let count = try await database.transaction { transaction in
            let count = try await work(transaction, now)
            guard count > 0 else { return 0 }
            var record = record
            record.metadata["count"] = String(count)
            let event = try PendingEvent(
                DeliveryEvents.QueueOperated(queue: queue, action: action, count: count), at: now, tenant: nil, actor: actor, audit: record)
            try await outbox.append([event], in: transaction)
            return count
        }
        outbox.wake()
        return count
    }
}
