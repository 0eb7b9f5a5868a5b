import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Looks after imports in the background: calls those failed whose process has died, takes back those that are to be taken back, and removes
/// rejected rows after ninety days.
struct ImportSweeper: Service {
    /// An import that has been silent for so long has died.
    static let silence: TimeInterval = 600
    /// How long rejected rows are kept after the import's end.
    static let errorsKept: TimeInterval = 90 * 86_400
    private static let batch = 5_000

    let database: Database
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await repeatWork("import sweeper", logger: logger, rest: { await wakeup.wait(atMost: .seconds(5)) }, step: step)
    }

    /// One piece of work; false when there is none.
    func step() async throws -> Bool {
        if try await failDead() { return true }
        if try await rollBack() { return true }
        return try await expireErrors()
    }

    private func failDead() async throws -> Bool {
        let now = clock.now
        let failed = try await database.transaction { transaction -> Int in
            let dead = try await transaction.query(
                """
                update imports set status = 'failed', failure = 'the import stopped without a word; rows up to here are imported',
                    updated_at = \(now), finished_at = \(now)
                where ctid = any(array(
                    select ctid from imports where status = 'running' and updated_at < \(now.addingTimeInterval(-Self.silence)) limit 100
                    for update skip locked))
                returning tenant_id, id, workspace_id, file_name
                """)
            try await outbox.append(try dead.map { try Self.failed($0, at: now) }, in: transaction)
            return dead.count
        }
        if failed > 0 { outbox.wake() }
        return failed > 0
    }

    private static func failed(_ row: Row, at now: Date) throws -> PendingEvent {
        let run: ImportID = try row.decode("id")
        let target = AuditRecord.Target(type: "import", id: run.description, name: try row.decode("file_name", as: String.self))
        return try PendingEvent(
            CampaignsEvents.ImportStatusChanged(importID: run, status: LeadImport.Status.failed.rawValue), at: now,
            tenant: try row.decode("tenant_id", as: TenantID.self), workspace: try row.decode("workspace_id", as: WorkspaceID.self),
            actor: .system("campaigns"), audit: AuditRecord(action: "import.fail", outcome: .failure, targets: [target]))
    }

    /// Removes rejected rows whose time is over, some of one import; false when there are none.
    private func expireErrors() async throws -> Bool {
        let end = clock.now.addingTimeInterval(-Self.errorsKept)
        return try await database.transaction { transaction -> Bool in
            let old = try await transaction.query(
                """
                select tenant_id, id from imports where keeps_errors and rejected > 0 and finished_at < \(end)
                order by finished_at limit 1 for update skip locked
                """)
            guard let row = old.first else { return false }
            let (tenant, run): (TenantID, ImportID) = (try row.decode("tenant_id"), try row.decode("id"))
            let gone = try await transaction.query(
                """
                delete from import_errors where ctid = any(array(
                    select ctid from import_errors where tenant_id = \(tenant) and import_id = \(run) limit \(Self.batch)))
                """
            ).affected
            if gone < Self.batch {
                try await transaction.query("update imports set keeps_errors = false where tenant_id = \(tenant) and id = \(run)")
            }
            return true
        }
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
