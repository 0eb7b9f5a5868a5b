import Contracts
import Foundation
import Postgres
import Primitives

/// A job to be done by a kind's handler: identifiers and small values only.
struct NewJob: Sendable {
    /// The tree of what belongs to no tenant.
    static let platform = TenantID.zero

    var queue: WorkQueue
    var kind: String
    var tenant = NewJob.platform
    /// Jobs of one lane run in their order; nil is the kind's own order of the tenant.
    var lane: UUID?
    var payload = PostgresJSON(text: "{}")
    /// At most one job of a kind has a key, as long as it is kept.
    var uniqueKey: String?
    var priority = 100
    var runAt: Date?
    var maxAttempts = 12
}

/// A job in a handler's hands.
struct RunningJob: Sendable {
    let id: UUID
    let fence: Int64
    let queue: String
    let kind: String
    let tenant: TenantID
    let lane: UUID
    let payload: Data
    let attempt: Int
    let maxAttempts: Int
    let entry: StreamEntryPlace
    /// Where it was asked for.
    var trace: TraceParent?

    var claim: Claim { Claim(job: id, fence: fence) }
}

/// The right to work on a job until its lease ends; the fence tells it from earlier ones.
struct Claim: Sendable, Hashable {
    let job: UUID
    let fence: Int64
}

/// What a handler says of a job.
enum JobResult: Sendable, Equatable {
    case done
    /// Later, without counting this try.
    case snooze(until: Date)
    /// Failed for a reason that passes: tried again on the schedule, at most as often as the job says.
    case retry(String)
    /// Failed for good.
    case dead(String)
}
