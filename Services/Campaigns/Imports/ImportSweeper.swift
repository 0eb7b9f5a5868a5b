import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Looks after imports in the background: calls those failed whose process has died, and takes back those that are to be taken back.
struct ImportSweeper: Service {
    /// An import that has been silent for so long has died.
    static let silence: TimeInterval = 600

    let database: Database
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "import sweeper", logger: logger)
            while !Task.isCancelled {
                do {
                    let worked = try await step()
                    outage.ended()
                    if !worked { await wakeup.wait(atMost: .seconds(5)) }
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    /// One piece of work; false when there is none.
    func step() async throws -> Bool {
        if try await failDead() { return true }
        return try await rollBack()
    }

    private func failDead() async throws -> Bool {
        let now = clock.now
        return try await database.query(
            """
            update imports set status = 'failed', failure = 'the import stopped without a word; rows up to here are imported', updated_at = \(now),
                finished_at = \(now)
            where ctid = any(array(
                select ctid from imports where status = 'running' and updated_at < \(now.addingTimeInterval(-Self.silence)) limit 100
                for update skip locked))
            """
        ).affected > 0
    }

    private func rollBack() async throws -> Bool {
        let now = clock.now
        let worked: Bool = try await database.transaction { transaction in
            guard let run = try await ImportRollback.next(in: transaction) else { return false }
            guard try await ImportRollback.step(run, at: now, in: transaction) else { return true }
            try await transaction.query(
                "update imports set status = 'rolled_back', updated_at = \(now) where tenant_id = \(run.tenant) and id = \(run.id)")
            let event = try PendingEvent(
                CampaignsEvents.ImportStatusChanged(importID: run.id, status: "rolled_back"), at: now, tenant: run.tenant, workspace: run.workspace,
                actor: .system("campaigns"))
            try await outbox.append([event], in: transaction)
            return true
        }
        if worked { outbox.wake() }
        return worked
    }
}
