import Contracts
import Foundation
import Postgres
import Primitives
import RPC

/// The SQL of jobs that a kind's handler does; those of mail have their own, with the ledger.
struct JobStore: Sendable {
    let database: Database
    let counters: QueueCounters

    /// Puts jobs in, in the caller's transaction; those whose key is known are left as they are. How many were new.
    @discardableResult
    func enqueue(_ jobs: [NewJob], now: Date, in transaction: Transaction) async throws -> Int {
        guard !jobs.isEmpty else { return 0 }
        let rows = try await transaction.query(
            """
            insert into jobs (id, queue, kind, tenant_id, lane_id, payload, unique_key, priority, run_at, max_attempts, created_at)
            select n.id, n.queue, n.kind, n.tenant_id, n.lane_id, \(JobTrace.added), n.unique_key, n.priority, n.run_at, n.max_attempts,
                \(now)::timestamptz from unnest(\(jobs.map { _ in UUID.v7(at: now) }), \(jobs.map(\.queue.rawValue)), \(jobs.map(\.kind)),
                \(jobs.map(\.tenant)), \(jobs.map { $0.lane ?? $0.tenant.uuid }), \(jobs.map(\.payload)), \(PostgresOptionals(jobs.map(\.uniqueKey))),
                \(jobs.map(\.priority)), \(jobs.map { $0.runAt ?? now }), \(jobs.map(\.maxAttempts)))
                as n (id, queue, kind, tenant_id, lane_id, payload, unique_key, priority, run_at, max_attempts)
            on conflict (tenant_id, kind, unique_key) where unique_key is not null do nothing
            returning queue, tenant_id, lane_id, run_at
            """)
        guard !rows.isEmpty else { return 0 }
        let entries = try rows.map { row in
            (
                queue: try row.decode("queue", as: String.self), lane: Lane(tenant: try row.decode("tenant_id"), id: try row.decode("lane_id")),
                at: try row.decode("run_at", as: Date.self)
            )
        }
        let changes = entries.map { QueueChange(queue: $0.queue, waiting: 1, enqueued: 1) }
        try await transaction.pipeline([LaneStore.wake(entries)] + counters.record(changes, now: now))
        return rows.count
    }

    /// What another service asks for, as one transaction.
    func enqueue(_ request: DeliveryRPC.EnqueueJobs, now: Date) async throws -> DeliveryRPC.EnqueueResult {
        guard let queue = WorkQueue(rawValue: request.queue), !queue.isForMail else {
            throw RPCError(kind: "unknown_queue", message: "There is no such queue for jobs.")
        }
        guard (1...1_000).contains(request.jobs.count), (1...64).contains(request.kind.utf8.count),
            request.jobs.allSatisfy({ (1...200).contains($0.key.utf8.count) })
        else { throw RPCError(kind: "invalid_batch", message: "A batch has 1 to 1000 jobs with keys of at most 200 bytes.") }
        let new = try request.jobs.map { job in
            NewJob(
                queue: queue, kind: request.kind, tenant: request.tenant, lane: job.lane, payload: try PostgresJSON(job.payload),
                uniqueKey: job.key, priority: job.priority, runAt: job.dueAt)
        }
        let fresh = try await database.transaction { try await enqueue(new, now: now, in: $0) }
        return DeliveryRPC.EnqueueResult(enqueued: fresh, known: new.count - fresh)
    }

    /// `j.state = 'running'`, in words that the planner does not know for the condition of an index: whoever names jobs by their identifiers
    /// finds them by those, not by comparing each with everything that runs.
    static let isRunning: SQL = "coalesce(j.state, '') = 'running'"

    /// The jobs of these entries whose claim still stands.
    func take(_ entries: [WorkStreams.Entry]) async throws -> [RunningJob] {
        let places = Dictionary(entries.map { ($0.claim.job, $0.place) }) { first, _ in first }
        return try await database.query(
            """
            select j.id, j.fence, j.queue, j.kind, j.tenant_id, j.lane_id, coalesce(j.payload, '{}') as payload, j.attempt, j.max_attempts,
                \(JobTrace.column)
            from unnest(\(entries.map(\.claim.job)), \(entries.map(\.claim.fence))) as e (id, fence)
            join jobs j on j.id = e.id and j.fence = e.fence and \(Self.isRunning) order by j.priority, j.run_at, j.id
            """
        ).map { row in
            let id: UUID = try row.decode("id")
            return RunningJob(
                id: id, fence: try row.decode("fence"), queue: try row.decode("queue"), kind: try row.decode("kind"),
                tenant: try row.decode("tenant_id"), lane: try row.decode("lane_id"), payload: Data(try row.decode("payload", as: String.self).utf8),
                attempt: try row.decode("attempt"), maxAttempts: try row.decode("max_attempts"),
                entry: places[id] ?? StreamEntryPlace(stream: "", position: ""),
                trace: try JobTrace.trace(row))
        }
    }

    /// Keeps the claims of what is in hand alive.
    func heartbeat(_ claims: Set<Claim>, lease: Double) async throws {
        guard !claims.isEmpty else { return }
        try await database.query(
            """
            update jobs j set lease_until = now() + make_interval(secs => \(lease)) from unnest(\(claims.map(\.job)), \(claims.map(\.fence)))
                as h (id, fence) where j.id = h.id and j.fence = h.fence and \(Self.isRunning)
            """)
    }

    /// Writes what became of jobs; a job whose claim was lost is left alone. `spread`, from -1 to 1, keeps retries apart.
    func finish(_ results: [(job: RunningJob, result: JobResult)], now: Date, spread: @Sendable () -> Double) async throws {
        let parts = results.map { job, result -> (state: String, runAt: Date?, uncounted: Int, error: String?) in
            switch result {
            case .done: ("completed", nil, 0, nil)
            case .snooze(let until): ("queued", until, 1, nil)
            case .retry(let words) where job.attempt < job.maxAttempts:
                ("queued", RetrySchedule.afterUnreachable(job.attempt, spread: spread(), now: now), 0, words)
            case .retry(let words), .dead(let words): ("failed", nil, 0, words)
            }
        }
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                update jobs j set state = d.state, run_at = coalesce(d.run_at, j.run_at), attempt = j.attempt - d.uncounted, lease_until = null,
                    error = left(d.error, 2000), finished_at = case when d.state = 'queued' then null else \(now)::timestamptz end
                from unnest(\(results.map(\.job.id)), \(results.map(\.job.fence)), \(parts.map(\.state)), \(PostgresOptionals(parts.map(\.runAt))),
                            \(parts.map(\.uncounted)), \(PostgresOptionals(parts.map(\.error)))) as d (id, fence, state, run_at, uncounted, error)
                where j.id = d.id and j.fence = d.fence and \(Self.isRunning)
                returning j.id, j.queue, j.tenant_id, j.lane_id, j.run_at, j.state, j.attempt, d.error as words
                """)
            var entries: [(queue: String, lane: Lane, at: Date)] = []
            var changes: [QueueChange] = []
            var logs: [JobLog] = []
            for row in rows {
                let (queue, state) = (try row.decode("queue", as: String.self), try row.decode("state", as: String.self))
                let words = try row.decodeOptional("words", as: String.self)
                if let words {
                    logs.append(
                        JobLog(
                            tenant: try row.decode("tenant_id"), job: try row.decode("id"), attempt: try row.decode("attempt"),
                            level: state == "failed" ? .error : .warning, message: words))
                }
                switch state {
                case "queued":
                    entries.append((queue, Lane(tenant: try row.decode("tenant_id"), id: try row.decode("lane_id")), try row.decode("run_at")))
                    changes.append(QueueChange(queue: queue, waiting: 1, active: -1, retried: words == nil ? 0 : 1))
                case "failed": changes.append(QueueChange(queue: queue, active: -1, failed: 1, gaveUp: 1))
                default: changes.append(QueueChange(queue: queue, active: -1, completed: 1))
                }
            }
            var statements: [SQL] = []
            if !logs.isEmpty { statements.append(JobLog.insert(logs, now: now)) }
            if !entries.isEmpty { statements.append(LaneStore.wake(entries)) }
            try await transaction.pipeline(statements + counters.record(changes, now: now))
        }
    }
}

/// A line about a job: failures, retries, and what operators did.
struct JobLog: Sendable {
    enum Level: String, Sendable {
        case info
        case warning
        case error
    }

    let tenant: TenantID
    let job: UUID
    let attempt: Int
    let level: Level
    let message: String
    /// The conversation with the mail server.
    var transcript: String?

    static func insert(_ logs: [JobLog], now: Date) -> SQL {
        """
        insert into job_logs (id, tenant_id, job_id, attempt, level, message, transcript, at)
        select *, \(now)::timestamptz from unnest(\(logs.map { _ in UUID.v7(at: now) }), \(logs.map(\.tenant)), \(logs.map(\.job)),
            \(logs.map(\.attempt)), \(logs.map(\.level.rawValue)), \(logs.map { String($0.message.prefix(1_000)) }),
            \(PostgresOptionals(logs.map { $0.transcript.map { String($0.suffix(8_000)) } })))
        """
    }
}
