import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Stopping an import, and taking one back.
struct ImportControl: Sendable {
    let database: Database
    let outbox: Outbox
    let clock: WallClock
    /// That of the sweeper, which does the work of a rollback.
    let wakeup: Wakeup

    /// Ends a running import; its upload finds out at its next batch, and what is in stays. Problem `import_not_running`.
    func cancel(_ run: LeadImport, by identity: Identity, audit: AuditRecord) async throws -> LeadImport {
        if run.status == .cancelled { return run }
        guard let cancelled = try await move(run, from: [.running], to: .cancelled, by: identity, audit: audit) else {
            throw Problem.conflict(
                kind: "import_not_running", title: "The import is over.", detail: "What it brought can be taken back with its rollback.")
        }
        return cancelled
    }

    /// Begins to take an import back. Problems `import_running`, `import_not_reversible`.
    func rollBack(_ run: LeadImport, by identity: Identity, audit: AuditRecord) async throws -> LeadImport {
        if run.status == .rollingBack || run.status == .rolledBack { return run }
        guard run.isReversible else {
            throw Problem.conflict(
                kind: "import_not_reversible", title: "This import left no snapshots.", detail: "It was made before imports could be taken back.")
        }
        guard let moved = try await move(run, from: [.completed, .failed, .cancelled], to: .rollingBack, by: identity, audit: audit) else {
            throw Problem.conflict(kind: "import_running", title: "The import is still at work.", detail: "Cancel it first.")
        }
        wakeup.signal()
        return moved
    }

    /// Tells the trail that the rejected rows are taken out as a file.
    func noteDownload(of run: LeadImport, by identity: Identity, audit: AuditRecord) async throws {
        let event = try PendingEvent(
            CampaignsEvents.LeadsExported(leadExport: nil, act: "rejected_downloaded", rows: run.rejected), at: clock.now,
            tenant: identity.tenant, workspace: run.workspace, actor: identity.actor, audit: audit)
        try await database.transaction(as: identity.tenant) { try await outbox.append([event], in: $0) }
        outbox.wake()
    }

    private func move(
        _ run: LeadImport, from: [LeadImport.Status], to status: LeadImport.Status, by identity: Identity, audit: AuditRecord
    ) async throws -> LeadImport? {
        let now = clock.now
        let event = try PendingEvent(
            CampaignsEvents.ImportStatusChanged(importID: run.id, status: status.rawValue), at: now, tenant: identity.tenant,
            workspace: run.workspace, actor: identity.actor, audit: audit)
        let moved: LeadImport? = try await database.transaction(as: identity.tenant) { transaction in
            let moved = try await ImportStore.move(run.id, of: identity.tenant, from: from, to: status, at: now, in: transaction)
            if moved != nil { try await outbox.append([event], in: transaction) }
            return moved
        }
        if moved != nil { outbox.wake() }
        return moved
    }
}
