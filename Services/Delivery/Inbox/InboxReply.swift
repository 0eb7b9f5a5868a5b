import Contracts
import Foundation
import HTTP
import Mail
import Postgres
import Primitives
import RPC
import Streams

/// Answers a person through the mailbox that they wrote to: message, mail, job and trail in one transaction. The mail stands in their thread, goes before
/// all of a campaign's, keeps the mailbox' pace, and costs nothing of the plan's mails.
struct InboxReply: Sendable {
    /// Of the send keys of answers.
    static let keyPrefix = "reply:"
    static let priority = 20
    /// As many identifiers as an answer refers to.
    static let mostReferences = 20

    struct Draft: Sendable, Codable {
        let text: String
        let html: String?
        /// The person must not be written to, and whoever answers knows it.
        let confirmSuppressed: Bool?
    }

    struct Sent: Sendable, Encodable {
        let thread: InboxThreadID
        let message: InboxMessageID
        let send: SendID
        let at: Date
    }

    /// Of the `_worker` role: an answer touches the queue.
    let database: Database
    let enqueuer: Enqueuer
    let suppressions: Suppressions
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock

    /// The thread is one that the person may use.
    func send(_ draft: Draft, in thread: InboxThread, by identity: Identity, audit: ([AuditRecord.Target], [String: String]) -> AuditRecord)
        async throws -> Sent
    {
        let tenant = identity.tenant
        let now = clock.now
        let message = InboxMessageID(.v7(at: now))
        let key = "\(Self.keyPrefix)\(thread.id):\(message)"
        let confirmed = draft.confirmSuppressed ?? false
        let record = audit(
            [.init(type: "inbox_thread", id: thread.id.description), .init(type: "mailbox", id: thread.mailbox.description)],
            confirmed ? ["confirmed_suppressed": "true"] : [:])
        let (mailbox, last) = try await database.transaction { transaction in
            let mailbox = try await self.mailbox(of: thread, tenant, in: transaction)
            return (mailbox, try await self.last(in: thread, tenant, domain: mailbox.address.domain, in: transaction))
        }
        // Between two transactions: it asks on lines of its own, and whoever held one while waiting for another could wait for ever.
        try await checkSuppression(of: last.recipient.normalized, in: thread, tenant, confirmed: confirmed)
        let sent = try await database.transaction { transaction in
            // Whoever forgets the person at this moment waits, or has done it already.
            _ = try await self.mailbox(of: thread, tenant, in: transaction)
            let subject = Self.subject(answering: last.subject)
            _ = try await enqueuer.enqueue(
                DeliveryRPC.EnqueueSends(
                    tenant: tenant,
                    sends: [
                        DeliveryRPC.PlannedSend(
                            sendKey: key, workspace: thread.workspace, campaign: nil, enrolment: nil, mailbox: thread.mailbox,
                            recipient: last.recipient.description, recipientName: last.name, subject: subject, text: draft.text, html: draft.html,
                            priority: Self.priority, dueAt: now, reservation: nil)
                    ]), passesSuppression: confirmed, in: transaction)
            let send: SendID = try await transaction.query(
                "select id from sends where tenant_id = \(tenant) and send_key = \(key)")[0].decode("id")
            try await transaction.query(
                "update send_contents set answers = \(last.references) where tenant_id = \(tenant) and send_id = \(send)")
            let stored = NewInboxMessage(
                id: message, answer: draft.text, html: draft.html, subject: subject, from: (mailbox.name, mailbox.address.description),
                to: last.recipient.description,
                messageID: MessageComposer.messageIdentifier(of: key, tenant: tenant, at: mailbox.address.domain), refersTo: last.references,
                send: send, author: identity.user, at: now)
            _ = try await InboxWriter.insert(
                stored, into: thread.id, mailbox: thread.mailbox, workspace: thread.workspace, of: tenant, in: transaction)
            try await InboxWriter.send(stored, in: thread.id, of: tenant, in: transaction)
            let event = try PendingEvent(
                DeliveryEvents.InboxReplied(thread: thread.id, send: send, mailbox: thread.mailbox), at: now, tenant: tenant,
                workspace: thread.workspace, actor: identity.actor, audit: record)
            try await outbox.append([event], in: transaction)
            try await InboxWriter.stamp([thread.id], of: tenant, in: transaction)
            return Sent(thread: thread.id, message: message, send: send, at: now)
        }
        outbox.wake()
        wakeup.signal()
        return sent
    }

    // MARK: - From whom, to whom

    private func mailbox(of thread: InboxThread, _ tenant: TenantID, in transaction: Transaction) async throws -> (name: String, address: MailAddress)
    {
        let rows = try await transaction.query(
            """
            select m.address, m.display_name, m.state from inbox_threads t join mailboxes m on m.tenant_id = t.tenant_id and m.id = t.mailbox_id
            where t.tenant_id = \(tenant) and t.id = \(thread.id) for update of t
            """)
        guard let row = rows.first else { throw Problem.notFound("thread") }
        guard try row.decode("state", as: String.self) == "active" else {
            throw Problem.conflict(
                kind: "mailbox_not_active", title: "The mailbox does not send at the moment.", detail: "Resume it or give it working SMTP settings.")
        }
        return (try row.decode("display_name"), try MailAddress(try row.decode("address", as: String.self)))
    }

    private struct Last: Sendable {
        let recipient: MailAddress
        let name: String?
        let subject: String
        /// Oldest first; what the mail answers is last.
        let references: [String]
    }

    /// The newest mail that came in, which an answer answers.
    private func last(in thread: InboxThread, _ tenant: TenantID, domain: String, in transaction: Transaction) async throws -> Last {
        let rows = try await transaction.query(
            """
            select m.message_id, m.refers_to, m.sender, m.sender_name, m.reply_to, m.subject, s.send_key, s.provider_message_id
            from inbox_messages m
            join inbox_threads t on t.tenant_id = m.tenant_id and t.id = m.thread_id
            left join sends s on s.tenant_id = t.tenant_id and s.id = t.origin_send_id
            where m.tenant_id = \(tenant) and m.thread_id = \(thread.id) and m.direction = 'inbound' order by m.at desc, m.id desc limit 1
            """)
        guard let row = rows.first else { throw Problem.conflict(kind: "nothing_to_answer", title: "Nobody has written in this thread.") }
        let sender: String = try row.decode("sender")
        let replyTo: String? = try row.decodeOptional("reply_to")
        guard let recipient = [replyTo, sender].lazy.compactMap({ $0.flatMap { try? MailAddress($0) } }).first else {
            throw Problem.unprocessable(kind: "no_address", title: "The person's address cannot be written to.")
        }
        var references = try row.decode("refers_to", as: [String].self)
        if let own: String = try row.decodeOptional("message_id") { references.append(own) }
        references = references.filter(Self.canBeWritten)
        if references.isEmpty, let origin: String = try row.decodeOptional("send_key") {
            let renamed: String? = try row.decodeOptional("provider_message_id")
            references = [MessageComposer.identifier(of: origin, renamed: renamed, tenant: tenant, at: domain)]
        }
        return Last(
            recipient: recipient, name: recipient.description == sender ? Self.oneLine(try row.decodeOptional("sender_name")) : nil,
            subject: try row.decode("subject"), references: Array(references.suffix(Self.mostReferences)))
    }

    /// Whoever unsubscribed or complained is answered only by somebody who has seen that; the claim asks once more.
    private func checkSuppression(of address: String, in thread: InboxThread, _ tenant: TenantID, confirmed: Bool) async throws {
        guard !confirmed else { return }
        guard try await suppressions.find([address], tenant: tenant, workspace: thread.workspace).isEmpty else {
            throw Problem.conflict(
                kind: "recipient_suppressed", title: "This person must not be written to.",
                detail: "They unsubscribed or complained, or their address does not take mail. Send confirm_suppressed to answer all the same.")
        }
    }

    /// "Re: " once, however often it was answered.
    static func subject(answering subject: String) -> String {
        let line = subject.split(whereSeparator: \.isNewline).joined(separator: " ").trimmingCharacters(in: .whitespaces)
        let isAnswer = line.prefix(4).lowercased().hasPrefix("re:")
        guard !line.isEmpty else { return "Re:" }
        return isAnswer ? String(line.prefix(250)) : "Re: " + line.prefix(246)
    }

    /// `left@right` of characters that need no quotes: others cannot stand in a header of ours.
    static func canBeWritten(_ identifier: String) -> Bool {
        let sides = identifier.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        let marks = Array("!#$%&'*+-/=?^_`{|}~.".utf8)
        return identifier.utf8.count <= 250 && sides.count == 2
            && sides.allSatisfy { side in
                !side.isEmpty
                    && side.allSatisfy {
                        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || marks.contains($0)
                    }
            }
    }

    private static func oneLine(_ name: String?) -> String? {
        guard let name else { return nil }
        let line = name.split { $0.isNewline || $0.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control } }.joined(separator: " ")
        let short = String(line.trimmingCharacters(in: .whitespaces).prefix(100))
        return short.isEmpty ? nil : short
    }
}
