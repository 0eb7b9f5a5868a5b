import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// How leads go.
extension Leads {
    /// Out of one workspace and its lists; the lead stays the company's. A lead that is not there is a 404.
    func remove(_ id: LeadID, from workspace: WorkspaceID, expecting expected: Revision?, by actor: LeadActor) async throws {
        let tenant = actor.identity.tenant
        let now = clock.now
        try await database.transaction(as: tenant) { transaction in
            try await LeadMembershipStore.lockLists(holding: [id], of: [workspace], tenant: tenant, in: transaction)
            var lead = try await lock(id, expecting: expected, by: actor, in: transaction)
            guard try await !LeadMembershipStore.detach([id], from: workspace, of: tenant, in: transaction).isEmpty else {
                throw Problem.notFound("lead")
            }
            lead.revision += 1
            try await LeadStore.update(lead, of: tenant, at: now, in: transaction)
            try await LeadActivityStore.insert(
                LeadActivity(kind: "removed_from_workspace", detail: ["workspace": .text(workspace.description)]), of: [id], tenant: tenant,
                by: actor.name, at: now, in: transaction)
            let event = try PendingEvent(
                CampaignsEvents.LeadChanged(lead: id, fields: ["workspaces"]), at: now, tenant: tenant, workspace: workspace,
                actor: actor.identity.actor, audit: actor.audit("lead.update", targets: [Self.target(id)], fields: ["workspaces"]))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    /// Out of the company, with its places and its timeline. One that was in a campaign can only be erased, since others know of it.
    func delete(_ id: LeadID, expecting expected: Revision?, by actor: LeadActor) async throws {
        let tenant = actor.identity.tenant
        let now = clock.now
        try await database.transaction(as: tenant) { transaction in
            // As whoever makes leads: the count first.
            _ = try await LeadCounter.lock(of: tenant, in: transaction)
            try await LeadMembershipStore.lockLists(holding: [id], of: nil, tenant: tenant, in: transaction)
            _ = try await lock(id, expecting: expected, by: actor, in: transaction)
            let workspaces = try await LeadMembershipStore.workspaces(of: id, tenant: tenant, in: transaction)
            guard workspaces.allSatisfy(actor.identity.mayUse) else {
                throw Problem.forbidden("The lead is in workspaces that you cannot use too. Name yours with ?workspace= to remove it from there.")
            }
            guard try await !LeadStore.isEnrolled(id, of: tenant, in: transaction) else {
                throw Problem.unprocessable(
                    kind: "use_erasure", title: "The lead was in a campaign.",
                    detail: """
                        Mails of it are known elsewhere. Remove it from a workspace with ?workspace=, or have it forgotten everywhere with \
                        POST /api/v1/leads/\(id)/erase.
                        """)
            }
            try await LeadMembershipStore.leaveLists([id], of: nil, tenant: tenant, in: transaction)
            try await LeadStore.delete(id, of: tenant, in: transaction)
            let event = try PendingEvent(
                CampaignsEvents.LeadDeleted(lead: id), at: now, tenant: tenant, actor: actor.identity.actor,
                audit: actor.audit("lead.delete", targets: [Self.target(id)]))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    private func lock(
        _ id: LeadID, expecting expected: Revision?, by actor: LeadActor, in transaction: Transaction
    ) async throws -> Lead {
        let identity = actor.identity
        let found = try await LeadStore.lock(id, of: identity.tenant, visibleIn: identity.workspaces, in: transaction)
        guard let found else { throw Problem.notFound("lead") }
        try Revision(found.revision).check(expected)
        return found
    }
}
