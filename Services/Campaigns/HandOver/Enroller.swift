import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Turns a launched campaign's leads into enrolments, a thousand a transaction, and goes on where it stopped.
struct Enroller: Sendable {
    static let batch = 1_000

    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// Enrols one batch of one campaign; false when there is nothing to enrol anywhere.
    func enrolOnce() async throws -> Bool {
        let now = clock.now
        return try await database.transaction { transaction in
            let found = try await transaction.query(
                """
                select tenant_id, id, workspace_id, enrol_cursor from campaigns where status = 'active' and not is_enrolled
                order by launched_at limit 1 for update skip locked
                """)
            guard let row = found.first else { return false }
            let tenant: TenantID = try row.decode("tenant_id")
            let campaign: CampaignID = try row.decode("id")
            let leads = try await transaction.query(
                """
                select lead_id from lead_workspaces
                where tenant_id = \(tenant) and workspace_id = \(try row.decode("workspace_id", as: WorkspaceID.self))
                  and lead_id > \(try row.decode("enrol_cursor", as: UUID.self)) order by lead_id limit \(Self.batch)
                """
            ).map { try $0.decode("lead_id", as: LeadID.self) }
            var enrolled = 0
            if !leads.isEmpty {
                enrolled = try await transaction.query(
                    """
                    insert into enrolments (tenant_id, id, campaign_id, lead_id, due_at, created_at)
                    select \(tenant), id, \(campaign), lead_id, \(now), \(now) from unnest(\(leads.map { _ in UUID.v7(at: now) }), \(leads)) as n (id, lead_id)
                    on conflict (tenant_id, campaign_id, lead_id) do nothing
                    """
                ).affected
            }
            try await transaction.pipeline([
                EnrolmentStore.shift(campaign, of: tenant, by: ["waiting": Int64(enrolled)]),
                """
                update campaigns set enrol_cursor = coalesce(\(leads.last), enrol_cursor), is_enrolled = \(leads.count < Self.batch)
                where tenant_id = \(tenant) and id = \(campaign)
                """,
            ])
            if leads.count < Self.batch { try await Completion(outbox: outbox, clock: clock).check(campaign, of: tenant, in: transaction) }
            return true
        }
    }
}
