import Contracts
import Postgres

/// Forgetting a company, or one of its workspaces.
struct Purge: Sendable {
    /// Of the `_worker` role.
    let database: Database

    /// True when that is all: the trail is evidence, also of this deletion, and outlives whom it tells of. No role may delete from it; how long it is
    /// kept is for its retention to say. What the company's people made to read it goes with them.
    func purge(_ request: AuditRPC.Purge) async throws -> Bool {
        guard request.workspace == nil else { return true }
        try await TrailViews.purge(request.tenant, in: database)
        try await CheckpointDeliveryStore.purge(request.tenant, in: database)
        return try await TrailExportPurge.purge(request.tenant, in: database)
    }
}
