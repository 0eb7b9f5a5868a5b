import Contracts
import Postgres
import Primitives

/// Forgetting a company, or one of its workspaces: mailboxes, mail, jobs and the ledger. Its gate stays closed to the last.
struct Purge: Sendable {
    private static let batch = 5_000

    let database: Database
    let counters: QueueCounters
    let clock: WallClock

    /// A batch; true when nothing is left.
    func purge(_ request: DeliveryRPC.Purge) async throws -> Bool {
        let now = clock.now
        let scope = PurgeStore(tenant: request.tenant, workspace: request.workspace, batch: Self.batch)
        return try await database.transaction { transaction in
            // What others refer to goes when nothing refers to it any more.
            if try await transaction.purge(scope.jobParts, limit: Self.batch) > 0 { return false }
            let jobs = try await scope.deleteJobs(in: transaction)
            if !jobs.isEmpty {
                try await transaction.pipeline(counters.record(jobs, now: now))
                return false
            }
            let sends = try await scope.deleteSends(in: transaction)
            if sends.count > 0 {
                if !sends.changes.isEmpty { try await transaction.pipeline(counters.record(sends.changes, now: now)) }
                return false
            }
            if try await transaction.purge(scope.mailboxParts, limit: Self.batch) > 0 { return false }
            if try await transaction.purge([scope.mailboxes], limit: Self.batch) > 0 { return false }
            if try await scope.deleteSuppressions(in: transaction) > 0 { return false }
            return try await transaction.purge(scope.rest, limit: Self.batch) == 0
        }
    }
}
