import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams

/// Who must not be written to, and how people get there by themselves.
struct Suppressions: Sendable {
    let database: Database
    let erased: ErasedOptOuts
    let outbox: Outbox
    let clock: WallClock

    /// Which of `addresses` are suppressed for the workspace or its tenant.
    func find(_ addresses: [String], tenant: TenantID, workspace: WorkspaceID) async throws -> [String] {
        let wanted = Set(addresses.map { $0.lowercased() })
        let named = try await database.query(
            """
            select distinct address from suppressions where tenant_id = \(tenant) and address = any(\(Array(wanted)))
              and (workspace_id is null or workspace_id = \(workspace))
            """
        ).map { try $0.decode("address", as: String.self) }
        // In this order: an address that becomes a digest between the two questions is found by the second.
        let unnamed = try await erased.find(Array(wanted.subtracting(named)), tenant: tenant, workspace: workspace, in: database)
        return named + unnamed
    }

    /// Puts addresses on the list for the tenant or one of its workspaces; how many were not there. Again changes nothing.
    func add(_ request: DeliveryRPC.SuppressRecipients) async throws -> Int {
        guard request.addresses.count <= 500, request.addresses.allSatisfy({ (1...320).contains($0.utf8.count) }),
            (1...64).contains(request.reason.utf8.count), (1...128).contains(request.source.utf8.count)
        else { throw RPCError(kind: "invalid_batch", message: "At most 500 addresses, with a reason of at most 64 bytes and a source of 128.") }
        // In one order, so that two that add the same ones wait for each other instead of failing.
        let addresses = Set(request.addresses.map { $0.lowercased() }).sorted()
        return try await database.query(
            """
            insert into suppressions (tenant_id, address, workspace_id, reason, source, created_at)
            select \(request.tenant), address, \(request.workspace)::uuid, \(request.reason), \(request.source), \(clock.now)
            from unnest(\(addresses)) as n (address) on conflict do nothing
            """
        ).affected
    }

    /// Takes the recipient of a send off every list of its tenant; again changes nothing. False when there is no such send.
    func unsubscribe(tenant: TenantID, send: SendID) async throws -> Bool {
        let now = clock.now
        let known = try await database.transaction { transaction in
            let rows = try await transaction.query(
                // Whoever forgets the person at this moment waits: what is written below must not be left behind.
                "select recipient, workspace_id, campaign_id, enrolment_id from sends where tenant_id = \(tenant) and id = \(send) for share")
            guard let row = rows.first else { return false }
            let recipient: String = try row.decode("recipient")
            let digest = ErasedRecipient.digest(of: recipient)
            let address: String? = digest == nil ? recipient : nil
            let inserted = try await transaction.query(
                """
                insert into suppressions (tenant_id, address, address_digest, workspace_id, reason, source, created_at)
                values (\(tenant), \(address), \(digest), null, 'unsubscribed', 'link', \(now)) on conflict do nothing
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
