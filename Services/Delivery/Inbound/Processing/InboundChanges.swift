import Contracts
import Foundation
import Postgres
import Streams

/// What a batch of mails that came in has changed, told to others once at its end: one event a company, whatever the number of mails.
struct InboundChanges {
    private var feedback: [TenantID: [DeliveryEvents.Feedback]] = [:]
    private var leavers: [(tenant: TenantID, send: MatchedSend)] = []
    private var threads: [TenantID: [InboxThreadID]] = [:]

    mutating func feel(_ kind: DeliveryEvents.FeedbackKind, _ send: MatchedSend, of tenant: TenantID, at instant: Date, returnsOn: String? = nil) {
        feedback[tenant, default: []].append(
            DeliveryEvents.Feedback(
                kind: kind, sendKey: send.key, campaign: send.campaign, enrolment: send.enrolment, isMachine: false, at: instant, returnsOn: returnsOn
            ))
    }

    /// Somebody who wants no more mail, for the trail: as with a link, with the mail and without the person.
    mutating func unsubscribed(_ send: MatchedSend, of tenant: TenantID) {
        leavers.append((tenant, send))
    }

    mutating func touch(_ thread: InboxThreadID, of tenant: TenantID) {
        guard threads[tenant]?.contains(thread) != true else { return }
        threads[tenant, default: []].append(thread)
    }

    func write(_ outbox: Outbox, _ counts: FeedbackCounts, at now: Date, in transaction: Transaction) async throws {
        // Companies in one order: a complaint is counted under a lock of its company.
        for (tenant, feedback) in feedback.sorted(by: { $0.key.description < $1.key.description }) {
            try await counts.count(feedback, of: tenant, now: now, in: transaction)
        }
        var events = try leavers.map { tenant, send in
            try PendingEvent(
                // Without the enrolment: the feedback below says the same to its campaign, and says of which mail.
                DeliveryEvents.RecipientUnsubscribed(campaign: send.campaign, enrolment: nil), at: now, tenant: tenant,
                workspace: send.workspace, actor: EventActor(kind: .system, id: "recipient"),
                audit: AuditRecord(
                    action: "recipient.unsubscribe", targets: [.init(type: "send", id: send.id.description)], metadata: ["by": "mail"]))
        }
        for (tenant, feedback) in feedback {
            events.append(
                try PendingEvent(DeliveryEvents.FeedbackReceived(feedback: feedback), at: now, tenant: tenant, actor: .system("delivery")))
        }
        try await outbox.append(events, in: transaction)
        // In one order, since each company's head is held to the commit.
        for tenant in threads.keys.sorted(by: { $0.description < $1.description }) {
            try await InboxWriter.stamp(threads[tenant] ?? [], of: tenant, in: transaction)
        }
    }
}
