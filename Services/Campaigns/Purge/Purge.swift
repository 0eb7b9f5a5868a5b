import Contracts
import Foundation
import Postgres
import Primitives

/// Forgetting a company, or one of its workspaces: campaigns, templates and imports; leads only with the company, whose they are.
struct Purge: Sendable {
    private static let batch = 5_000
    /// An import is one request, which the gateway ends after an hour.
    private static let longestImport: TimeInterval = 3_600

    let database: Database
    let clock: WallClock

    /// A batch; true when nothing is left.
    func purge(_ request: CampaignsRPC.Purge) async throws -> Bool {
        let now = clock.now
        let (tenant, workspace) = (request.tenant, request.workspace)
        return try await database.transaction { transaction in
            guard try await !PurgeStore.stop(tenant, workspace, in: transaction),
                try await !PurgeStore.isBusy(tenant, workspace, at: now, importsSince: now.addingTimeInterval(-Self.longestImport), in: transaction)
            else { return false }
            for stage in PurgeStore.stages(of: tenant, workspace, batch: Self.batch) {
                // What others refer to goes when nothing refers to it any more.
                if try await transaction.purge(stage, limit: Self.batch) > 0 { return false }
            }
            return true
        }
    }
}
