import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Who must not be written to, and how people get there by themselves.
struct Suppressions: Sendable {
    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// Which of `addresses` are suppressed for the workspace or its tenant.
    func find(_ addresses: [String], tenant: TenantID, workspace: WorkspaceID) async throws -> [String] {
        try await database.query(
            """
            select distinct address from suppressions where tenant_id = \(tenant) and address = any(\(addresses.map { $0.lowercased() }))
              and (workspace_id is null or workspace_id = \(workspace))
            """
        ).map { try $0.decode("address") }
    }

    /// Takes the recipient of a send off every list of its tenant; again changes nothing. False when there is no such send.
    func unsubscribe(tenant: TenantID, send: SendID) async throws -> Bool {
        let now = clock.now
        let known = try await database.transaction { transaction in
            let rows = try await transaction.query(
                "select recipient, workspace_id, campaign_id, enrolment_id from sends where tenant_id = \(tenant) and id = \(send)")
            guard let row = rows.first else { return false }
            let inserted = try await transaction.query(
                """
                insert into suppressions (tenant_id, address, workspace_id, reason, source, created_at)
                values (\(tenant), \(try row.decode("recipient", as: String.self)), null, 'unsubscribed', 'link', \(now)) on conflict do nothing
                """)
            guard inserted.affected > 0 else { return true }
            let event = try PendingEvent(
                DeliveryEvents.RecipientUnsubscribed(
                    campaign: try row.decodeOptional("campaign_id"), enrolment: try row.decodeOptional("enrolment_id")),
                at: now, tenant: tenant, workspace: try row.decode("workspace_id"), actor: EventActor(kind: .system, id: "recipient"),
                audit: AuditRecord(action: "recipient.unsubscribe", targets: [.init(type: "send", id: send.description)]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return known
    }
}
