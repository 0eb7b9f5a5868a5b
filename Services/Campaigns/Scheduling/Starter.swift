import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Begins scheduled campaigns at their instant.
struct Starter: Sendable {
    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// False when none is due.
    func startOne() async throws -> Bool {
        let now = clock.now
        let isStarted = try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                with picked as materialized (
                    select tenant_id, id from campaigns where status = 'scheduled' and starts_at <= \(now)
                    order by starts_at limit 1 for update skip locked)
                update campaigns c set status = 'active', version = c.version + 1, revision = c.revision + 1, next_at = '-infinity'
                from picked p where c.tenant_id = p.tenant_id and c.id = p.id returning c.tenant_id, c.id, c.workspace_id, c.version
                """)
            guard let row = rows.first else { return false }
            let campaign: CampaignID = try row.decode("id")
            let event = try PendingEvent(
                CampaignsEvents.CampaignStatusChanged(campaign: campaign, status: "active", reason: "scheduled"), at: now,
                tenant: try row.decode("tenant_id"), workspace: try row.decode("workspace_id"),
                aggregate: Aggregate(kind: "campaign", id: campaign.description, version: try row.decode("version")), actor: .system("campaigns"),
                audit: AuditRecord(action: "campaign.start", targets: [.init(type: "campaign", id: campaign.description)]))
            try await outbox.append([event], in: transaction)
            return true
        }
        if isStarted { outbox.wake() }
        return isStarted
    }
}
