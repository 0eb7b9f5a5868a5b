import Contracts
import Foundation
import Postgres

enum JobKind {}
typealias JobID = EntityID<JobKind>
enum LaneKind {}
typealias LaneID = EntityID<LaneKind>

/// A job as an operator sees it: identifiers, never what a mail says or to whom.
struct JobView: Sendable, Encodable {
    let id: JobID
    let queue: String
    let kind: String
    let state: String
    let tenant: TenantID
    let lane: LaneID
    let campaign: CampaignID?
    let destination: String?
    let priority: Int
    let attempt: Int
    let maxAttempts: Int
    let runAt: Date
    let createdAt: Date
    let claimedAt: Date?
    let leaseUntil: Date?
    let finishedAt: Date?
    let error: String?

    static let columns: SQL =
        """
        id, queue, kind, state, tenant_id, lane_id, campaign_id, destination, priority, attempt, max_attempts, run_at, created_at, claimed_at,
        lease_until, finished_at, error
        """

    init(_ row: Row) throws {
        id = try row.decode("id")
        queue = try row.decode("queue")
        kind = try row.decode("kind")
        state = try row.decode("state")
        tenant = try row.decode("tenant_id")
        lane = try row.decode("lane_id")
        campaign = try row.decodeOptional("campaign_id")
        destination = try row.decodeOptional("destination")
        priority = try row.decode("priority")
        attempt = try row.decode("attempt")
        maxAttempts = try row.decode("max_attempts")
        runAt = try row.decode("run_at")
        createdAt = try row.decode("created_at")
        claimedAt = try row.decodeOptional("claimed_at")
        leaseUntil = try row.decodeOptional("lease_until")
        finishedAt = try row.decodeOptional("finished_at")
        error = try row.decodeOptional("error")
    }
}

/// A job with what it works on and what happened to it.
struct JobDetail: Sendable, Encodable {
    struct Line: Sendable, Encodable {
        let at: Date
        let attempt: Int
        let level: String
        let message: String
        /// Commands and replies of the try, without credentials and content.
        let transcript: String?
    }

    /// The state of a mail in the ledger.
    struct Send: Sendable, Encodable {
        let state: String
        let sendKey: String
        let deferrals: Int
        let replyCode: Int?
        let replyText: String?
    }

    let job: JobView
    /// JSON, as it was enqueued.
    let payload: String?
    let send: Send?
    let log: [Line]
}

/// Where a job stands in lists, whatever becomes of it: when it is due, to the microsecond in which the database counts, and who it is.
struct JobPosition: Sendable, Codable, Equatable {
    /// Microseconds since 1970.
    let dueAt: Int64
    let id: JobID

    init(_ job: JobView) {
        dueAt = Int64((job.runAt.timeIntervalSince1970 * 1_000_000).rounded())
        id = job.id
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        dueAt = try container.decode(Int64.self, forKey: .dueAt)
        id = try container.decode(JobID.self, forKey: .id)
        // Up to the year 2255; the product stays an exact one.
        guard (0..<1 << 53).contains(dueAt) else {
            throw DecodingError.dataCorruptedError(forKey: .dueAt, in: container, debugDescription: "out of the database's range")
        }
    }

    fileprivate var instant: SQL { "timestamptz 'epoch' + \(dueAt)::bigint * interval '1 microsecond'" }
}

/// The SQL by which an operator looks at jobs.
struct JobViewStore: Sendable {
    /// What a list can be narrowed to, each answered by an index of its own.
    enum State: String, CaseIterable, Sendable {
        case waiting, delayed, active, failed, completed
    }

    let database: Database

    /// The newest first, before `cursor`; of what waits, the one that is due first comes first. What becomes of the job that the cursor was made of
    /// is of no account.
    func list(
        _ state: State, of queue: String, fitting filter: QueueOperations.Filter = .init(), before cursor: JobPosition?, limit: Int
    ) async throws -> [JobView] {
        let last = cursor?.id.uuid ?? UUID(uuid: (255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
        let behind: SQL = cursor.map { "and (run_at, id) > (\($0.instant), \($0.id)::uuid)" } ?? ""
        let kind: SQL = filter.kind.map { "and kind = \($0)" } ?? ""
        let fitting: SQL = filter.tenant.map { "\(kind) and tenant_id = \($0)" } ?? kind
        let statement: SQL =
            switch state {
            case .waiting:
                """
                select \(JobView.columns) from jobs where queue = \(queue) and state = 'queued' and run_at <= now() \(fitting) \(behind)
                order by run_at, id limit \(limit)
                """
            case .delayed:
                """
                select \(JobView.columns) from jobs where queue = \(queue) and state = 'queued' and run_at > now() \(fitting) \(behind)
                order by run_at, id limit \(limit)
                """
            case .active:
                """
                select \(JobView.columns) from jobs where queue = \(queue) and state = 'running' and id < \(last) \(fitting)
                order by id desc limit \(limit)
                """
            case .failed:
                """
                select \(JobView.columns) from jobs where queue = \(queue) and state = 'failed' and id < \(last) \(fitting)
                order by id desc limit \(limit)
                """
            case .completed:
                """
                select \(JobView.columns) from jobs where queue = \(queue) and state in ('completed', 'cancelled') and id < \(last) \(fitting)
                order by id desc limit \(limit)
                """
            }
        return try await database.query(statement).map(JobView.init)
    }

    /// Nil when it is not there, or not in this queue.
    func detail(_ job: UUID, in queue: String) async throws -> JobDetail? {
        guard
            let row = try await database.query(
                "select \(JobView.columns), payload::text as payload from jobs where id = \(job) and queue = \(queue)"
            ).first
        else { return nil }
        let view = try JobView(row)
        let sends = try await database.query(
            "select state, send_key, deferrals, reply_code, reply_text from sends where tenant_id = \(view.tenant) and id = \(job)")
        let lines = try await database.query(
            """
            select at, attempt, level, message, transcript from job_logs where tenant_id = \(view.tenant) and job_id = \(job) order by id desc limit 200
            """)
        return JobDetail(
            job: view, payload: try row.decodeOptional("payload"),
            send: try sends.first.map { send in
                JobDetail.Send(
                    state: try send.decode("state"), sendKey: try send.decode("send_key"), deferrals: try send.decode("deferrals"),
                    replyCode: try send.decodeOptional("reply_code"), replyText: try send.decodeOptional("reply_text"))
            },
            log: try lines.map { line in
                JobDetail.Line(
                    at: try line.decode("at"), attempt: try line.decode("attempt"), level: try line.decode("level"),
                    message: try line.decode("message"), transcript: try line.decodeOptional("transcript"))
            })
    }
}
