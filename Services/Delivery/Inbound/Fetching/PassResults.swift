import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import Streams

/// Writes what became of passes, and tells the owner when a mailbox begins or ends to fail.
struct PassResults: Sendable {
    let database: Database
    let outbox: Outbox
    let clock: WallClock
    let logger: Logger

    /// Gives the mailbox back; when that cannot be written, its lease ends by itself.
    func write(_ result: PassResult, of mailbox: ReadingMailbox) async {
        let now = clock.now
        do {
            let isTold = try await database.transaction { transaction in
                let before = try await ReaderStore(database: database).release(mailbox, result, now: now, in: transaction)
                guard let before, let state = result.state, state != before else { return false }
                let event = try event(result, mailbox, fails: state == "failing", now)
                try await outbox.append([event], in: transaction)
                return true
            }
            if isTold { outbox.wake() }
        } catch {
            logger.warning("pass not written", metadata: ["mailbox": "\(mailbox.id)", "error": "\(error)"])
        }
    }

    /// A mailbox that failed was read, and is kept: its owner need not wait for the end of the connection to see that.
    func resume(_ mailbox: ReadingMailbox) async throws {
        guard mailbox.isFailing else { return }
        let now = clock.now
        let event = try PendingEvent(
            DeliveryEvents.MailboxReadingResumed(mailbox: mailbox.id), at: now, tenant: mailbox.tenant, workspace: mailbox.workspace,
            actor: .system("delivery"))
        try await database.transaction { transaction in
            let resumed = try await transaction.query(
                """
                update mailbox_readers set state = 'active', state_reason = null, state_since = \(now), failures = 0
                where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and fence = \(mailbox.fence) and state = 'failing'
                """)
            if resumed.affected > 0 { try await outbox.append([event], in: transaction) }
        }
        outbox.wake()
    }

    /// The ledger has told something in a transaction of its own.
    func tell() {
        outbox.wake()
    }

    private func event(_ result: PassResult, _ mailbox: ReadingMailbox, fails: Bool, _ now: Date) throws -> PendingEvent {
        guard fails else {
            return try PendingEvent(
                DeliveryEvents.MailboxReadingResumed(mailbox: mailbox.id), at: now, tenant: mailbox.tenant, workspace: mailbox.workspace,
                actor: .system("delivery"))
        }
        let words = String((result.reason ?? "").prefix(500))
        return try PendingEvent(
            DeliveryEvents.MailboxReadingFailed(mailbox: mailbox.id, reason: words), at: now, tenant: mailbox.tenant,
            workspace: mailbox.workspace, actor: .system("delivery"),
            audit: AuditRecord(
                action: "mailbox.read", outcome: .failure, targets: [.init(type: "mailbox", id: mailbox.id.description, name: mailbox.address)],
                metadata: ["reason": words]))
    }
}
