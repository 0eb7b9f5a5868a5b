import Contracts
import Postgres
import Primitives
import ServiceRuntime

/// Forgetting a company, or one of its workspaces: mailboxes, mail, jobs and the ledger. Its gate stays closed to the last.
struct Purge: Sendable {
    private static let batch = 5_000

    let database: Database
    let counters: QueueCounters
    let plan: PlanPlaces
    let withdrawals: ConsentWithdrawals
    let clock: WallClock

    /// A batch; true when nothing is left.
    func purge(_ request: DeliveryRPC.Purge) async throws -> Bool {
        let scope = PurgeStore(tenant: request.tenant, workspace: request.workspace, batch: Self.batch)
        // First, while there is still something to tell the provider by.
        guard try await withdrawals.withdraw(of: request.tenant, in: request.workspace) == 0 else { return false }
        let gone = try await step(scope)
        // Their places under the plan's limit are free for others; a company's went with its subscription.
        if request.workspace != nil {
            for mailbox in gone.mailboxes { await plan.release(.mailboxes, key: mailbox.description, of: request.tenant) }
            for domain in gone.domains { await plan.release(.domains, key: domain.description, of: request.tenant) }
        }
        return gone.isAll
    }

    /// What went in a batch that held a place under the plan's limit.
    private struct Gone: Sendable {
        /// Nothing is left.
        var isAll = false
        var mailboxes: [MailboxID] = []
        var domains: [DomainID] = []
    }

    private func step(_ scope: PurgeStore) async throws -> Gone {
        let now = clock.now
        return try await database.transaction { transaction in
            if try await transaction.purge(scope.webhookParts, limit: Self.batch) > 0 { return Gone() }
            // What others refer to goes when nothing refers to it any more.
            if try await transaction.purge(scope.jobParts, limit: Self.batch) > 0 { return Gone() }
            let jobs = try await scope.deleteJobs(in: transaction)
            if !jobs.isEmpty {
                try await transaction.pipeline(counters.record(jobs, now: now))
                return Gone()
            }
            let sends = try await scope.deleteSends(in: transaction)
            if sends.count > 0 {
                if !sends.changes.isEmpty { try await transaction.pipeline(counters.record(sends.changes, now: now)) }
                return Gone()
            }
            if try await transaction.purge(scope.mailboxParts, limit: Self.batch) > 0 { return Gone() }
            let mailboxes = try await scope.deleteMailboxes(in: transaction)
            guard mailboxes.isEmpty else { return Gone(mailboxes: mailboxes) }
            let domains = try await scope.deleteDomains(in: transaction)
            guard domains.isEmpty else { return Gone(domains: domains) }
            if try await scope.deleteSuppressions(in: transaction) > 0 { return Gone() }
            return Gone(isAll: try await transaction.purge(scope.rest, limit: Self.batch) == 0)
        }
    }
}
