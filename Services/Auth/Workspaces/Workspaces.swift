import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Making and listing a tenant's workspaces.
struct Workspaces: Sendable {
    let database: Database
    let worker: Database
    let outbox: Outbox
    let clock: WallClock
    let idempotency: IdempotencyKeys
    let plan: PlanPlaces

    init(house: House) {
        database = house.api
        worker = house.worker
        outbox = house.outbox
        clock = house.clock
        idempotency = IdempotencyKeys(database: house.api, clock: house.clock)
        plan = PlanPlaces(house: house)
    }

    /// The slug comes from the name; when it is taken, `-2`, `-3` … is added. The plan says how many there may be.
    func create(name: String, postalAddress: String?, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord) async throws -> Workspace {
        let now = clock.now
        let base = slug(of: name)
        let identifier = WorkspaceID(.v7(at: now))
        let record = audit(.init(type: "workspace", id: identifier.description, name: name))
        let workspace = try await plan.holding(.workspaces, key: identifier.description, of: identity.tenant) {
            try await database.transaction(as: identity.tenant) { transaction in
                let workspace = try await WorkspaceStore.insert(
                    identifier, of: identity.tenant, name: name, baseSlug: base, postalAddress: postalAddress, at: now, in: transaction)
                let event = try PendingEvent(
                    AuthEvents.WorkspaceCreated(workspace: workspace.id, slug: workspace.slug), at: now, tenant: identity.tenant,
                    workspace: workspace.id, actor: identity.actor, audit: record)
                try await outbox.append([event], in: transaction)
                return workspace
            }
        }
        outbox.wake()
        return workspace
    }

    /// Another name or postal address; the slug stays what it was, since links and filters name it. Nil when there is no such workspace.
    func change(
        _ workspace: WorkspaceID, _ change: Workspace.Change, by identity: Identity,
        audit: @Sendable (AuditRecord.Target, [AuditRecord.Change]) -> AuditRecord
    ) async throws -> Workspace? {
        let now = clock.now
        let changed = try await worker.transaction { transaction -> Workspace? in
            guard let old = try await WorkspaceStore.lock(workspace, of: identity.tenant, in: transaction) else { return nil }
            let new = change.applied(to: old)
            guard new != old else { return old }
            try await WorkspaceStore.update(new, of: identity.tenant, in: transaction)
            let event = try PendingEvent(
                AuthEvents.WorkspaceChanged(workspace: workspace), at: now, tenant: identity.tenant, workspace: workspace, actor: identity.actor,
                audit: audit(.init(type: "workspace", id: workspace.description, name: new.name), new.changes(from: old)))
            try await outbox.append([event], in: transaction)
            return new
        }
        outbox.wake()
        return changed
    }

    /// Ordered by name; a tenant has tens of them, seldom thousands.
    func list(for identity: Identity, after start: Workspace.Place?, limit: Int) async throws -> [Workspace] {
        try await WorkspaceStore.list(of: identity.tenant, among: identity.workspaces, after: start, limit: limit, in: database)
    }

    func find(_ workspace: WorkspaceID, of tenant: TenantID) async throws -> Workspace? {
        try await WorkspaceStore.find(workspace, of: tenant, in: database)
    }
}
