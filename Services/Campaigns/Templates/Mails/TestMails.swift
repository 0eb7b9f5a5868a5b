import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import RPC
import Streams

/// Sends a template to whoever writes it, as a lead would get it.
struct TestMails: Sendable {
    /// What one mail is made of.
    struct Order: Sendable {
        let template: Template
        let content: TemplateContent
        let version: Int
        let mailbox: MailboxID
        let recipients: [String]
        let lead: LeadID?
        /// The request's Idempotency-Key: the same key is the same mail, whatever became of the first answer.
        let key: String?
    }

    static let recipients = 1...3
    static let mostAnHour = 20
    /// Before every mail of campaigns.
    private static let priority = 40

    let database: Database
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock
    let contexts: MergeContexts

    /// Hands the mails to Delivery and gives their send keys; problems 422 for what cannot be sent, 429 for too many in an hour.
    func send(_ order: Order, by identity: Identity, audit: Templates.Audit) async throws -> [String] {
        let (template, tenant) = (order.template, identity.tenant)
        let parsed = try order.content.parsed()
        let mailbox = try await contexts.mailbox(order.mailbox, in: template.workspace, of: tenant)
        guard mailbox.state == "active" else {
            throw Problem.conflict(kind: "mailbox_stopped", title: "The mailbox is stopped.", detail: mailbox.stateReason)
        }
        let values = try await contexts.values(
            lead: order.lead, mailbox: mailbox, workspace: template.workspace, customFields: try await contexts.customFields(of: tenant),
            for: identity)
        let now = clock.now
        let base = Self.sendKey(order, by: identity.user, at: now)
        let mail = parsed.render(values, choosing: base)
        let sends = order.recipients.enumerated().map { number, recipient in
            DeliveryRPC.PlannedSend(
                sendKey: "\(base):\(number + 1)", workspace: template.workspace, campaign: nil, enrolment: nil, mailbox: order.mailbox,
                recipient: recipient, recipientName: nil, subject: "[Test] \(mail.subject)", text: mail.text, html: mail.html,
                priority: Self.priority, dueAt: now, reservation: nil)
        }
        let event = try PendingEvent(
            CampaignsEvents.TemplateTested(template: template.id, version: order.version, mails: sends.count), at: now, tenant: tenant,
            workspace: template.workspace, actor: identity.actor, audit: audit("template.test", Templates.target(template)))
        // Counted and told before it is done: what fails now was still asked for.
        try await database.transaction(as: tenant) { transaction in
            let free = try await TestSendStore.take(
                sends.count, of: Self.mostAnHour, by: identity.user, workspace: template.workspace, tenant: tenant, at: now, in: transaction)
            if let free { throw Self.tooMany(seconds: Int(free.timeIntervalSince(now).rounded(.up))) }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        _ = try await delivery.call(DeliveryRPC.EnqueueSends(tenant: tenant, sends: sends))
        return sends.map(\.sendKey)
    }

    private static func sendKey(_ order: Order, by user: UserID, at now: Date) -> String {
        guard let key = order.key else { return "test:\(UUID.v7(at: now).text)" }
        return "test:\(user):\(String(SpintaxChoices.hash("\(order.template.id)|\(key)"), radix: 16))"
    }

    private static func tooMany(seconds: Int) -> Problem {
        Problem(
            .tooManyRequests, kind: "too_many_test_mails", title: "There were too many test mails in the last hour.",
            detail: "At most \(mostAnHour) an hour; try again in \(max(1, seconds)) seconds.", headers: [.retryAfter: String(max(1, seconds))])
    }
}

/// The SQL of how many test mails somebody sent.
enum TestSendStore {
    private static let hour: TimeInterval = 3_600

    /// Takes `count` of the `limit` places of an hour; gives the instant when there is room, where there is none now.
    static func take(
        _ count: Int, of limit: Int, by user: UserID, workspace: WorkspaceID, tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> Date? {
        // One at a time per person, so that two requests do not take the same place.
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('template_test:' || \(user.description), 0))")
        try await transaction.query(
            """
            delete from template_test_sends
            where tenant_id = \(tenant) and user_id = \(user) and at <= \(now.addingTimeInterval(-hour))
            """)
        let taken = try await transaction.query(
            "select at from template_test_sends where tenant_id = \(tenant) and user_id = \(user) order by at limit \(limit)")
        let excess = taken.count + count - limit
        guard excess <= 0 else { return try taken[excess - 1].decode("at", as: Date.self).addingTimeInterval(hour) }
        let identifiers = (0..<count).map { _ in UUID.v7(at: now) }
        try await transaction.query(
            """
            insert into template_test_sends (tenant_id, id, workspace_id, user_id, at)
            select \(tenant), n.id, \(workspace), \(user), \(now) from unnest(\(identifiers)) as n (id)
            """)
        return nil
    }
}
