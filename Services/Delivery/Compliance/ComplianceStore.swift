import Contracts
import Foundation
import Postgres

/// The SQL of compliance checks.
struct ComplianceStore: Sendable {
    /// Of requests.
    let database: Database

    /// What a mail says.
    struct Content: Sendable {
        let send: SendID
        let subject: String
        let text: String
        let html: String?
        let follows: [String]
        let recipient: String
        let recipientName: String?

        /// As a worker would have it in hand.
        func delivery(from mailbox: SendingMailbox, now: Date) -> Delivery {
            Delivery(
                send: send, fence: 0, hand: send.uuid, queue: WorkQueue.mail.rawValue, priority: 100, attempt: 1, claimedAt: .now,
                tenant: mailbox.tenant, sendKey: "compliance:\(send)", campaign: nil, enrolment: nil, reservation: nil, mailbox: mailbox.id,
                recipient: recipient, recipientName: recipientName, subject: subject, text: text, html: html, hours: nil, follows: follows,
                deferrals: 0, firstDeferredAt: nil, unreachable: 0, createdAt: now, destination: nil, hasGap: false, hasFailures: false,
                entry: StreamEntryPlace(stream: "", position: ""))
        }
    }

    func mailbox(_ id: MailboxID, of tenant: TenantID) async throws -> (workspace: WorkspaceID, mailbox: SendingMailbox)? {
        try await database.query(
            as: tenant,
            """
            select tenant_id, id as mailbox_id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                authentication, '' as password_sealed, version, transport
            from mailboxes where tenant_id = \(tenant) and id = \(id)
            """
        ).first.map { (workspace: try $0.decode("workspace_id"), mailbox: try SendingMailbox(row: $0)) }
    }

    /// Nil when the mailbox has no such mail, or what it said has been erased.
    func content(of send: SendID, _ mailbox: MailboxID, _ tenant: TenantID) async throws -> Content? {
        try await database.query(
            as: tenant,
            """
            select s.id, s.recipient, c.recipient_name, c.subject, c.text_body, c.html_body, coalesce(c.follows, '{}') as follows
            from sends s join send_contents c on c.tenant_id = s.tenant_id and c.send_id = s.id
            where s.tenant_id = \(tenant) and s.id = \(send) and s.mailbox_id = \(mailbox)
            """
        ).first.map { row in
            Content(
                send: try row.decode("id"), subject: try row.decode("subject"), text: try row.decode("text_body"),
                html: try row.decodeOptional("html_body"), follows: try row.decode("follows"), recipient: try row.decode("recipient"),
                recipientName: try row.decodeOptional("recipient_name"))
        }
    }

    /// Of the days that the breaker looks at.
    func complaints(of domain: String, _ tenant: TenantID, now: Date) async throws -> (complaints: Int, accepted: Int) {
        let row = try await database.query(
            as: tenant,
            """
            select coalesce(sum(complaints), 0)::bigint as complaints, coalesce(sum(accepted), 0)::bigint as accepted from reputation_days
            where tenant_id = \(tenant) and domain = \(domain)
              and day > (\(now)::timestamptz at time zone 'UTC')::date - \(ComplaintBreaker.window)::integer
            """)[0]
        return (try row.decode("complaints"), try row.decode("accepted"))
    }
}
