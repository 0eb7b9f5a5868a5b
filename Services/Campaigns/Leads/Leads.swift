import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import RPC
import Streams

/// Making, changing and removing single leads.
struct Leads: Sendable {
    /// What became of a lead that somebody wanted to have.
    struct Arrival: Sendable {
        var lead: Lead
        /// False when the company had it, and the workspace has it now too.
        let isNew: Bool
    }

    let database: Database
    let billing: RPCClient
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock

    /// A lead of another workspace is attached as it is; one that the workspace has is a 409 `lead_exists`, and one that stands only where the
    /// caller may not look a 409 `lead_elsewhere`.
    func create(_ draft: LeadDraft, in workspace: WorkspaceID, list: ListID?, by actor: LeadActor) async throws -> Arrival {
        let tenant = actor.identity.tenant
        try LeadInput.check(draft.custom, fields: try await CustomFieldStore.list(of: tenant, in: database))
        let limit = try await billing.call(BillingRPC.ReadEntitlements(tenant: tenant)).leads
        let suppressed = try await delivery.call(
            DeliveryRPC.FindSuppressed(tenant: tenant, workspace: workspace, addresses: [draft.email]))
        let now = clock.now
        let fresh = draft.lead(LeadID(.v7(at: now)), isSuppressed: !suppressed.isEmpty, at: now)
        let arrival = try await database.transaction(as: tenant) { transaction -> Arrival in
            // The order in which everybody who makes leads locks: the count, the list, the leads.
            let room = try await LeadCounter.room(under: limit, of: tenant, in: transaction)
            if let list, try await !LeadMembershipStore.lock(list, of: workspace, tenant: tenant, in: transaction) { throw Self.listNotFound }
            var arrival = try await insert(fresh, room: room, by: actor, in: transaction)
            let lead = arrival.lead
            let attached = try await LeadMembershipStore.attach([lead.id], to: workspace, of: tenant, in: transaction)
            guard !attached.isEmpty else {
                throw Problem(
                    .conflict, kind: "lead_exists", title: "The workspace has a lead with this address.",
                    detail: "Change it with PATCH /api/v1/leads/\(lead.id).", extensions: ["id": .text(lead.id.description)])
            }
            if !arrival.isNew {
                // Another place is a change: whoever read the lead without it does not overwrite it, and no rollback takes the lead away.
                arrival.lead.revision += 1
                try await LeadStore.update(arrival.lead, of: tenant, at: now, in: transaction)
            }
            if let list { _ = try await LeadMembershipStore.add([lead.id], to: list, of: tenant, at: now, in: transaction) }
            let place = ["workspace": JSONValue.text(workspace.description)]
            let activity = LeadActivity(kind: arrival.isNew ? "created" : "added_to_workspace", detail: place)
            try await LeadActivityStore.insert(activity, of: [lead.id], tenant: tenant, by: actor.name, at: now, in: transaction)
            try await outbox.append(
                [try Self.arrived(arrival, in: workspace, at: now, by: actor)], in: transaction)
            return arrival
        }
        outbox.wake()
        return arrival
    }

    /// Problems 404, 412, `opt_out_is_final` and those of ``LeadPatch``; a change to nothing changes nothing.
    func change(_ id: LeadID, _ patch: LeadPatch, expecting expected: Revision?, by actor: LeadActor) async throws -> Lead {
        let (tenant, visible) = (actor.identity.tenant, actor.identity.workspaces)
        try patch.check(fields: try await CustomFieldStore.list(of: tenant, in: database))
        let now = clock.now
        guard let seen = try await LeadStore.find(id, of: tenant, visibleIn: visible, in: database) else { throw Problem.notFound("lead") }
        try Revision(seen.revision).check(expected)
        let optsOut = try patch.applied(to: seen, at: now).status == .unsubscribed && seen.status != .unsubscribed
        if optsOut {
            try await OptOuts(delivery: delivery).suppress([seen.email], of: tenant, by: actor.name)
        }
        let changed = try await database.transaction(as: tenant) { transaction -> Lead in
            // The order in which everybody takes rows: enrolments, campaigns, counters, then lists and leads.
            if optsOut {
                try await EnrolmentStops.stop(leads: [id], of: tenant, as: .unsubscribed, reason: "unsubscribed", at: now, in: transaction)
            }
            try await LeadMembershipStore.lockLists(holding: [id], of: patch.removeWorkspaces, tenant: tenant, in: transaction)
            guard let old = try await LeadStore.lock(id, of: tenant, visibleIn: visible, in: transaction) else { throw Problem.notFound("lead") }
            try Revision(old.revision).check(expected)
            var new = try patch.applied(to: old, at: now)
            var fields = new.changedFields(from: old)
            var activities = Self.activities(from: old, to: new, fields: fields)
            let moves = try await move(id, patch, of: tenant, in: transaction)
            if !moves.isEmpty { fields.append("workspaces") }
            activities += moves
            guard !fields.isEmpty else { return old }
            new.revision += 1
            try await LeadStore.update(new, of: tenant, at: now, in: transaction)
            for activity in activities {
                try await LeadActivityStore.insert(activity, of: [id], tenant: tenant, by: actor.name, at: now, in: transaction)
            }
            let event = try PendingEvent(
                CampaignsEvents.LeadChanged(lead: id, fields: fields), at: now, tenant: tenant, actor: actor.identity.actor,
                audit: actor.audit("lead.update", targets: [Self.target(id)], fields: fields))
            try await outbox.append([event], in: transaction)
            return new
        }
        outbox.wake()
        return changed
    }

    private func insert(_ fresh: Lead, room: Int64?, by actor: LeadActor, in transaction: Transaction) async throws -> Arrival {
        let tenant = actor.identity.tenant
        if try await LeadStore.insert(fresh, of: tenant, in: transaction) {
            guard room.map({ $0 > 0 }) ?? true else {
                throw Problem.unprocessable(
                    kind: "lead_limit_reached", title: "The plan's number of leads is reached.", detail: "Delete leads or choose a larger plan.")
            }
            try await transaction.query(LeadCounter.add(1, of: tenant))
            return Arrival(lead: fresh, isNew: true)
        }
        // Deleted between the two statements: whoever asks again makes it anew.
        guard let known = try await LeadStore.lock(address: fresh.email, of: tenant, in: transaction) else { throw Problem.unavailable() }
        if actor.identity.workspaces != nil {
            let places = try await LeadMembershipStore.workspaces(of: known.id, tenant: tenant, in: transaction)
            guard places.contains(where: actor.identity.mayUse) else {
                throw Problem.conflict(
                    kind: "lead_elsewhere", title: "The company has a lead with this address in a workspace that you cannot use.",
                    detail: "Ask an administrator to add it to yours.")
            }
        }
        return Arrival(lead: known, isNew: false)
    }

    /// Into workspaces and out of them; what was really done.
    private func move(_ id: LeadID, _ patch: LeadPatch, of tenant: TenantID, in transaction: Transaction) async throws -> [LeadActivity] {
        var moves: [LeadActivity] = []
        for workspace in patch.addWorkspaces {
            let attached = try await LeadMembershipStore.attach([id], to: workspace, of: tenant, in: transaction)
            if !attached.isEmpty { moves.append(LeadActivity(kind: "added_to_workspace", detail: ["workspace": .text(workspace.description)])) }
        }
        for workspace in patch.removeWorkspaces {
            let detached = try await LeadMembershipStore.detach([id], from: workspace, of: tenant, in: transaction)
            if !detached.isEmpty { moves.append(LeadActivity(kind: "removed_from_workspace", detail: ["workspace": .text(workspace.description)])) }
        }
        return moves
    }

    private static func activities(from old: Lead, to new: Lead, fields: [String]) -> [LeadActivity] {
        var activities: [LeadActivity] = []
        let plain = fields.filter { $0 != "tags" && $0 != "status" }
        if !plain.isEmpty { activities.append(LeadActivity(kind: "updated", detail: ["fields": .texts(plain)])) }
        if fields.contains("tags") {
            let (added, removed) = (new.tags.filter { !old.tags.contains($0) }, old.tags.filter { !new.tags.contains($0) })
            activities.append(LeadActivity(kind: "tagged", detail: ["added": .texts(added), "removed": .texts(removed)]))
        }
        if fields.contains("status") { activities.append(LeadActivity(kind: "unsubscribed")) }
        return activities
    }

    private static func arrived(_ arrival: Arrival, in workspace: WorkspaceID, at now: Date, by actor: LeadActor) throws -> PendingEvent {
        let (id, tenant) = (arrival.lead.id, actor.identity.tenant)
        guard arrival.isNew else {
            return try PendingEvent(
                CampaignsEvents.LeadChanged(lead: id, fields: ["workspaces"]), at: now, tenant: tenant, workspace: workspace,
                actor: actor.identity.actor, audit: actor.audit("lead.update", targets: [target(id)], fields: ["workspaces"]))
        }
        return try PendingEvent(
            CampaignsEvents.LeadCreated(lead: id), at: now, tenant: tenant, workspace: workspace, actor: actor.identity.actor,
            audit: actor.audit("lead.create", targets: [target(id)]))
    }

    static func target(_ lead: LeadID) -> AuditRecord.Target {
        .init(type: "lead", id: lead.description)
    }

    static let listNotFound = Problem.unprocessable(kind: "list_not_found", title: "The workspace has no such list.")
}
