import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import Streams

/// What follows when a consent is over: its tokens go, the mailbox pauses with the reason in words, and its owner is told.
struct ConsentLosses: Sendable {
    let database: Database
    let outbox: Outbox
    let clock: WallClock
    let logger: Logger

    /// Only for the token of `generation`: whoever consented again meanwhile has lost nothing.
    func lose(_ mailbox: MailboxID, of tenant: TenantID, generation: Int64, reason: String) async throws {
        let (now, words) = (clock.now, String(reason.prefix(500)))
        let isLost = try await database.transaction { transaction in
            // Mailboxes before consents, as whoever connects them locks them.
            let found = try await transaction.query(
                """
                select workspace_id, address, state = 'active' as was_active from mailboxes
                where tenant_id = \(tenant) and id = \(mailbox) for no key update
                """)
            guard let row = found.first else { return false }
            let lost = try await transaction.query(
                """
                update mailbox_consents set state = 'lost', state_reason = \(words), state_since = \(now), refresh_sealed = null,
                    access_sealed = null, access_expires_at = null, lease_holder = null, lease_until = null
                where tenant_id = \(tenant) and mailbox_id = \(mailbox) and generation = \(generation) and state = 'granted'
                """)
            guard lost.affected > 0 else { return false }
            // One that is paused for complaints must not become active with the end of that hold.
            try await transaction.query(
                """
                update mailboxes set state = 'paused', complaint_held = false, state_reason = \(words), state_since = \(now), updated_at = \(now)
                where tenant_id = \(tenant) and id = \(mailbox) and (state = 'active' or complaint_held)
                """)
            let event = try Self.event(
                mailbox, of: tenant, in: try row.decode("workspace_id"), address: try row.decode("address"),
                wasActive: try row.decode("was_active"), words, now)
            try await outbox.append([event], in: transaction)
            return true
        }
        guard isLost else { return }
        outbox.wake()
        logger.notice("the consent for a mailbox is lost", metadata: ["mailbox": "\(mailbox)", "reason": "\(words)"])
    }

    private static func event(
        _ mailbox: MailboxID, of tenant: TenantID, in workspace: WorkspaceID, address: String, wasActive: Bool, _ words: String, _ now: Date
    ) throws -> PendingEvent {
        let record = AuditRecord(
            action: wasActive ? "mailbox.pause" : "mailbox.consent_lost", outcome: .failure,
            targets: [.init(type: "mailbox", id: mailbox.description, name: address)], metadata: ["reason": words])
        guard wasActive else {
            return try PendingEvent(
                DeliveryEvents.MailboxChanged(mailbox: mailbox), at: now, tenant: tenant, workspace: workspace, actor: .system("delivery"),
                audit: record)
        }
        return try PendingEvent(
            DeliveryEvents.MailboxStopped(mailbox: mailbox, reason: words), at: now, tenant: tenant, workspace: workspace,
            actor: .system("delivery"), audit: record)
    }
}
