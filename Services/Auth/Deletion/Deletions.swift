import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Asking for the deletion of a company or a workspace, and thinking again.
struct Deletions: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target]) -> AuditRecord

    enum Refusal: Error, Equatable {
        case notFound
        /// What was typed is not the name.
        case nameMismatch
        /// A company's deletion is for its owners.
        case needsOwner
        /// It has begun, or is done.
        case tooLate
    }

    private let api: Database
    private let worker: Database
    private let outbox: Outbox
    private let clock: WallClock

    init(house: House) {
        api = house.api
        worker = house.worker
        outbox = house.outbox
        clock = house.clock
    }

    func list(for identity: Identity, before start: DeletionID?, limit: Int) async throws -> [Deletion] {
        try await DeletionStore.list(of: identity.tenant, workspaces: identity.workspaces, before: start, limit: limit, in: api)
    }

    /// Sends stop at once, the rest waits for 30 days; asked for again, it answers with what is on its way already.
    ///
    /// `workspace`: nil for the whole company. `typed`: its name, exactly.
    func request(_ workspace: WorkspaceID?, typed: String, by identity: Identity, audit: Audit) async throws -> Deletion {
        let now = clock.now
        let id = DeletionID(.v7(at: now))
        let deletion = try await worker.transaction { transaction -> Deletion? in
            var found = try await DeletionStore.raiseGateVersion(of: identity.tenant, at: now, in: transaction)
            if found != nil, let workspace { found = try await DeletionStore.name(of: workspace, of: identity.tenant, in: transaction) }
            guard let name = found else { throw Refusal.notFound }
            guard typed == name else { throw Refusal.nameMismatch }
            if let known = try await DeletionStore.open(workspace, of: identity.tenant, in: transaction) { return known }
            let dueAt = now.addingTimeInterval(Deletion.grace)
            try await DeletionStore.insert(
                id, of: identity.tenant, workspace: workspace, name: name, by: identity.user, at: now, dueAt: dueAt, in: transaction)
            let event = try PendingEvent(
                AuthEvents.DeletionRequested(deletion: id, tenant: identity.tenant, workspace: workspace, dueAt: dueAt), at: now,
                tenant: identity.tenant, workspace: workspace, actor: identity.actor,
                audit: audit(
                    workspace == nil ? "tenant.request_deletion" : "workspace.request_deletion",
                    [Self.target(workspace, of: identity.tenant, name: name)]))
            try await outbox.append([event], in: transaction)
            return try await DeletionStore.find(id, of: identity.tenant, in: transaction)
        }
        outbox.wake()
        guard let deletion else { throw Refusal.notFound }
        return deletion
    }

    /// Everything goes on as before, within a moment; undoing it twice is undoing it once.
    func undo(_ id: DeletionID, by identity: Identity, audit: Audit) async throws -> Deletion {
        let now = clock.now
        let deletion = try await worker.transaction { transaction -> Deletion? in
            guard try await DeletionStore.raiseGateVersion(of: identity.tenant, at: now, in: transaction) != nil,
                let known = try await DeletionStore.find(id, of: identity.tenant, in: transaction),
                known.workspace.map(identity.mayUse) ?? true
            else { throw Refusal.notFound }
            guard known.workspace != nil || identity.role >= .owner else { throw Refusal.needsOwner }
            if known.undoneAt != nil { return known }
            guard try await DeletionStore.undo(id, of: identity.tenant, at: now, in: transaction) else { throw Refusal.tooLate }
            let event = try PendingEvent(
                AuthEvents.DeletionUndone(deletion: id, tenant: identity.tenant, workspace: known.workspace), at: now, tenant: identity.tenant,
                workspace: known.workspace, actor: identity.actor,
                audit: audit(
                    known.workspace == nil ? "tenant.undo_deletion" : "workspace.undo_deletion",
                    [Self.target(known.workspace, of: identity.tenant, name: known.name)]))
            try await outbox.append([event], in: transaction)
            return try await DeletionStore.find(id, of: identity.tenant, in: transaction)
        }
        outbox.wake()
        guard let deletion else { throw Refusal.notFound }
        return deletion
    }

    /// What is deleted, as the trail names it.
    static func target(_ workspace: WorkspaceID?, of tenant: TenantID, name: String?) -> AuditRecord.Target {
        .init(type: workspace == nil ? "tenant" : "workspace", id: workspace?.description ?? tenant.description, name: name)
    }
}
