import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Making and renaming lists, and who is in them.
struct Lists: Sendable {
    typealias Audit = @Sendable (_ action: String, AuditRecord.Target, _ changes: [AuditRecord.Change], _ counts: [String: String]) -> AuditRecord

    let database: Database
    let outbox: Outbox
    let clock: WallClock

    func create(name: String, workspace: WorkspaceID, by identity: Identity, audit: Audit) async throws -> LeadList {
        let now = clock.now
        let list = LeadList(id: ListID(.v7(at: now)), workspace: workspace, name: name, createdAt: now)
        let event = try pending(CampaignsEvents.ListCreated(list: list.id), list, identity, audit("list.create", list.target, [], [:]))
        try await saving(as: identity.tenant) { transaction in
            try await ListStore.insert(list, of: identity.tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return list
    }

    func rename(_ id: ListID, to name: String, expected: Revision?, by identity: Identity, audit: Audit) async throws -> LeadList {
        let changed = try await saving(as: identity.tenant) { transaction in
            let old = try await locked(id, identity, in: transaction)
            try Revision(old.revision).check(expected)
            guard name != old.name else { return old }
            var list = old
            list.name = name
            list.revision += 1
            try await ListStore.rename(list, of: identity.tenant, in: transaction)
            let changes = [AuditRecord.Change(path: "name", before: old.name, after: name)]
            let event = try pending(CampaignsEvents.ListChanged(list: id), list, identity, audit("list.update", list.target, changes, [:]))
            try await outbox.append([event], in: transaction)
            return list
        }
        outbox.wake()
        return changed
    }

    /// The leads themselves stay; problem `list_in_use` while a campaign that is not over writes to it.
    func delete(_ id: ListID, expected: Revision?, by identity: Identity, audit: Audit) async throws {
        try await database.transaction(as: identity.tenant) { transaction in
            let list = try await locked(id, identity, in: transaction)
            try Revision(list.revision).check(expected)
            guard try await !CampaignStore.isAudience(.list(id), of: identity.tenant, in: transaction) else {
                throw Problem.conflict(
                    kind: "list_in_use", title: "A campaign writes to this list.", detail: "Archive the campaign or give it another audience first.")
            }
            try await ListStore.delete(id, of: identity.tenant, in: transaction)
            let record = audit("list.delete", list.target, [], ["leads": String(list.leads)])
            try await outbox.append([try pending(CampaignsEvents.ListDeleted(list: id), list, identity, record)], in: transaction)
        }
        outbox.wake()
    }

    func add(_ leads: Set<LeadID>, to id: ListID, by identity: Identity, audit: Audit) async throws -> ListAddition {
        let addition = try await database.transaction(as: identity.tenant) { transaction in
            let list = try await locked(id, identity, in: transaction)
            let addition = try await ListStore.add(leads, to: list, of: identity.tenant, at: clock.now, in: transaction)
            if addition.added > 0 {
                let record = audit("list.add_leads", list.target, [], ["added": String(addition.added)])
                let event = CampaignsEvents.ListMembersChanged(list: id, added: addition.added, removed: 0)
                try await outbox.append([try pending(event, list, identity, record)], in: transaction)
            }
            return addition
        }
        outbox.wake()
        return addition
    }

    func remove(_ leads: Set<LeadID>, from id: ListID, by identity: Identity, audit: Audit) async throws -> ListRemoval {
        let removal = try await database.transaction(as: identity.tenant) { transaction in
            let list = try await locked(id, identity, in: transaction)
            let removal = try await ListStore.remove(leads, from: list, of: identity.tenant, in: transaction)
            if removal.removed > 0 {
                let record = audit("list.remove_leads", list.target, [], ["removed": String(removal.removed)])
                let event = CampaignsEvents.ListMembersChanged(list: id, added: 0, removed: removal.removed)
                try await outbox.append([try pending(event, list, identity, record)], in: transaction)
            }
            return removal
        }
        outbox.wake()
        return removal
    }

    /// Those in the list, in the order in which they became leads.
    func leads(_ list: LeadList, tenant: TenantID, after start: LeadID?, limit: Int) async throws -> [Lead] {
        let resolver = AudienceResolver()
        return try await database.transaction(as: tenant) { transaction in
            let query = AudienceQuery.list(list.id, in: list.workspace, of: tenant)
            let leads = try await resolver.leads(query.page(after: start, limit: limit), in: transaction)
            return try await resolver.read(leads, tenant: tenant, in: transaction)
        }
    }

    private func saving<Value: Sendable>(as tenant: TenantID, _ body: (Transaction) async throws -> Value) async throws -> Value {
        do {
            return try await database.transaction(as: tenant) { try await body($0) }
        } catch let error as PostgresError where error.code == .uniqueViolation {
            throw Problem.conflict(kind: "name_taken", title: "The workspace has a list of this name.", detail: "Give it another name.")
        }
    }

    private func locked(_ id: ListID, _ identity: Identity, in transaction: Transaction) async throws -> LeadList {
        guard let list = try await ListStore.lock(id, of: identity.tenant, in: transaction), identity.mayUse(list.workspace) else {
            throw Problem.notFound("list")
        }
        return list
    }

    private func pending(_ event: some Event, _ list: LeadList, _ identity: Identity, _ audit: AuditRecord) throws -> PendingEvent {
        try PendingEvent(
            event, at: clock.now, tenant: identity.tenant, workspace: list.workspace,
            aggregate: Aggregate(kind: "list", id: list.id.description, version: list.revision), actor: identity.actor, audit: audit)
    }
}

extension LeadList {
    fileprivate var target: AuditRecord.Target {
        .init(type: "list", id: id.description, name: name)
    }
}
