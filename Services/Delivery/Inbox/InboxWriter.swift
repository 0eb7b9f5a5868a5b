import Contracts
import Foundation
import MIME
import Postgres
import Primitives

/// The SQL that puts messages into threads; in the caller's transaction, which ends with ``stamp(_:of:in:)``.
enum InboxWriter {
    /// The thread of a mailbox that a mail of ours began; made when there is none.
    static func thread(
        about send: MatchedSend, of mail: InboundMail, kind: InboxThread.Kind, at instant: Date, now: Date, in transaction: Transaction
    ) async throws -> InboxThreadID {
        let (tenant, mailbox) = (mail.fetched.tenant, mail.fetched.mailbox)
        let isContact = mail.contact == send.recipient
        let made = try await transaction.query(
            """
            insert into inbox_threads (tenant_id, id, workspace_id, mailbox_id, campaign_id, enrolment_id, origin_send_id, contact, contact_name, subject,
                subject_key, kind, snippet, messages, first_at, last_at, last_inbound_at, change, created_at)
            values (\(tenant), \(InboxThreadID(.v7(at: now))), \(mail.fetched.workspace), \(mailbox), \(send.campaign), \(send.enrolment), \(send.id),
                \(send.recipient), \(isContact ? mail.parsed.from.first?.name?.storable(200) : nil), \(mail.parsed.subject.storable(500)),
                \(mail.subject.text.storable(SubjectKey.longest)), \(kind), '', 0, \(instant), \(instant), \(instant), 0, \(now))
            on conflict do nothing returning id
            """)
        if let row = made.first { return try row.decode("id") }
        // Somebody made it before, or at this moment: then it is there now.
        return try await transaction.query(
            """
            select id from inbox_threads where tenant_id = \(tenant) and mailbox_id = \(mailbox) and (enrolment_id = \(send.enrolment)
                or \(send.enrolment)::uuid is null and enrolment_id is null and origin_send_id = \(send.id))
            """)[0].decode("id")
    }

    /// False when the mailbox has the message already, in whatever thread.
    static func insert(
        _ message: NewInboxMessage, into thread: InboxThreadID, mailbox: MailboxID, workspace: WorkspaceID, of tenant: TenantID,
        in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            insert into inbox_messages (tenant_id, id, thread_id, workspace_id, mailbox_id, direction, kind, rule, message_id, message_key, refers_to,
                sender_name, sender, reply_to, recipients, people, subject, text_body, quoted_body, html_body, attachments, returns_on, send_id,
                author_id, at)
            values (\(tenant), \(message.id), \(thread), \(workspace), \(mailbox), \(message.direction), \(message.kind), \(message.rule),
                \(message.messageID), \(message.key), \(message.refersTo), \(message.senderName), \(message.sender), \(message.replyTo),
                \(message.recipients), \(message.people), \(message.subject), \(message.text), \(message.quoted), \(message.html),
                \(json: try PostgresJSON(message.attachments)), \(message.returnsOn)::date, \(message.send), \(message.author), \(message.at))
            on conflict (tenant_id, mailbox_id, message_key) do nothing
            """
        ).affected > 0
    }

    /// A thread that got a mail: what a person writes opens it again and is unread, what a machine writes leaves it where it is.
    static func receive(
        _ message: NewInboxMessage, kind: InboxThread.Kind, in thread: InboxThreadID, of tenant: TenantID, in transaction: Transaction
    ) async throws {
        let opens = !kind.isAutomatic
        try await transaction.query(
            """
            update inbox_threads t set messages = t.messages + 1, first_at = least(t.first_at, \(message.at)), last_at = greatest(t.last_at, \(message.at)),
                last_inbound_at = greatest(t.last_inbound_at, \(message.at)),
                kind = case when \(message.at) >= t.last_inbound_at then \(kind.rawValue) else t.kind end,
                snippet = case when \(message.at) >= t.last_at then \(message.snippet) else t.snippet end,
                is_unread = t.is_unread or \(opens), state = case when \(opens) then 'open' else t.state end,
                snoozed_until = case when \(opens) then null else t.snoozed_until end
            where t.tenant_id = \(tenant) and t.id = \(thread)
            """)
    }

    /// A thread in which somebody here has written: it is read, and waits for nothing.
    static func send(_ message: NewInboxMessage, in thread: InboxThreadID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update inbox_threads t set messages = t.messages + 1, last_at = greatest(t.last_at, \(message.at)),
                snippet = case when \(message.at) >= t.last_at then \(message.snippet) else t.snippet end, is_unread = false
            where t.tenant_id = \(tenant) and t.id = \(thread)
            """)
    }

    /// Gives the threads that a transaction has changed the next places in the order of changes. The company's head is taken last and held to the
    /// commit, so that who reads up to a number has seen every change below it.
    static func stamp(_ threads: [InboxThreadID], of tenant: TenantID, in transaction: Transaction) async throws {
        guard !threads.isEmpty else { return }
        try await transaction.query(
            """
            with head as (
                insert into inbox_heads as h (tenant_id, change) values (\(tenant), \(threads.count))
                on conflict (tenant_id) do update set change = h.change + excluded.change returning change)
            update inbox_threads t set change = head.change - \(threads.count) + k.place
            from head, unnest(\(threads)) with ordinality as k (id, place) where t.tenant_id = \(tenant) and t.id = k.id
            """)
    }
}
