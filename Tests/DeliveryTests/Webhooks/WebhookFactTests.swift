import Contracts
import Foundation
import Primitives
import Streams
import TestSupport
import Testing

@testable import Delivery

@Suite("What webhooks are told")
struct WebhookFactTests {
    private static let at = Date(timeIntervalSince1970: 1_800_000_000)

    private func facts(_ event: some Event, tenant: TenantID? = TenantID(UUID()), workspace: WorkspaceID? = nil) throws -> [WebhookFact] {
        let pending = try PendingEvent(event, at: Self.at, tenant: tenant, workspace: workspace, actor: .system("test"))
        return try WebhookFacts.of(try ReceivedEvent(body: Array(pending.body.utf8)))
    }

    @Test("each state of a mail has its type, and a state nobody knows yet has none")
    func sends() throws {
        let states: [DeliveryEvents.SendState] = [.accepted, .refused, .deferred, .ambiguous, .suppressed, .cancelled, "new_state"]
        let sends = states.enumerated().map { number, state in
            DeliveryEvents.ResolvedSend(
                sendKey: "k\(number)", version: 1, campaign: nil, enrolment: nil, state: state, code: 250, at: Self.at + Double(number))
        }
        let facts = try facts(DeliveryEvents.SendsResolved(sends: sends))
        #expect(
            facts.map(\.type.rawValue) == [
                "email.accepted", "email.refused", "email.deferred", "email.ambiguous", "email.suppressed", "email.cancelled",
            ])
        #expect(facts.map(\.data.sendKey) == (0..<6).map { "k\($0)" } && Set(facts.map(\.sourceKey)).count == 6)
        #expect(facts.map(\.at) == (0..<6).map { Self.at + Double($0) } && facts.allSatisfy { $0.data.code == 250 })
    }

    @Test("each kind of feedback has its type; both bounces are bounces, and machines are told from people")
    func feedback() throws {
        let kinds: [DeliveryEvents.FeedbackKind] = [
            .opened, .clicked, .replied, .automaticReply, .hardBounce, .softBounce, .complained, .unsubscribed, "new_kind",
        ]
        let enrolment = EnrolmentID(UUID())
        let facts = try facts(
            DeliveryEvents.FeedbackReceived(
                feedback: kinds.map { .init(kind: $0, sendKey: "k", campaign: nil, enrolment: enrolment, isMachine: true, at: Self.at) }))
        #expect(
            facts.map(\.type.rawValue) == [
                "email.opened", "email.clicked", "email.replied", "email.auto_replied", "email.bounced", "email.bounced", "email.complained",
                "recipient.unsubscribed",
            ])
        #expect(facts.map(\.data.bounce) == [nil, nil, nil, nil, "hard", "soft", nil, nil])
        #expect(facts.map(\.data.isMachine) == [true, true, nil, nil, nil, nil, nil, nil])
    }

    @Test("a wish not to be written to has one key, whichever way it was heard")
    func unsubscription() throws {
        let (tenant, enrolment) = (TenantID(UUID()), EnrolmentID(UUID()))
        let wish = try facts(DeliveryEvents.RecipientUnsubscribed(campaign: nil, enrolment: enrolment), tenant: tenant)
        let feedback = try facts(
            DeliveryEvents.FeedbackReceived(
                feedback: [.init(kind: .unsubscribed, sendKey: "k", campaign: nil, enrolment: enrolment, isMachine: false, at: Self.at)]),
            tenant: tenant)
        #expect(wish.map(\.sourceKey) == feedback.map(\.sourceKey) && wish.count == 1)
    }

    @Test(
        "what a campaign becomes is told, except that it is a draft again",
        arguments: [
            ("scheduled", "campaign.scheduled"), ("active", "campaign.started"), ("paused", "campaign.paused"), ("completed", "campaign.completed"),
            ("archived", "campaign.archived"), ("draft", nil), ("something_new", nil),
        ] as [(String, String?)])
    func campaigns(status: String, type: String?) throws {
        let workspace = WorkspaceID(UUID())
        let facts = try facts(
            CampaignsEvents.CampaignStatusChanged(campaign: CampaignID(UUID()), status: status, reason: "why"), workspace: workspace)
        #expect(facts.map(\.type.rawValue) == [type].compactMap(\.self))
        #expect(facts.allSatisfy { $0.workspace == workspace && $0.data.status == status && $0.data.reason == "why" })
    }

    @Test("mailboxes, leads and imports are told; what belongs to no company, or to nobody outside, is not")
    func others() throws {
        let mailbox = MailboxID(UUID())
        #expect(try facts(DeliveryEvents.MailboxStopped(mailbox: mailbox, reason: "535")).map(\.type) == [.mailboxStopped])
        #expect(try facts(DeliveryEvents.MailboxConnected(mailbox: mailbox)).first?.data == WebhookData(mailbox: mailbox))
        #expect(try facts(DeliveryEvents.MailboxChanged(mailbox: mailbox)).map(\.type) == [.mailboxChanged])
        #expect(try facts(DeliveryEvents.RecipientsSuppressed(enrolments: [], reason: "r")).map(\.type) == [.recipientSuppressed])
        let lead = LeadID(UUID())
        #expect(try facts(CampaignsEvents.LeadCreated(lead: lead)).map(\.type) == [.leadCreated])
        #expect(try facts(CampaignsEvents.LeadChanged(lead: lead, fields: ["name"])).first?.data.fields == ["name"])
        #expect(try facts(CampaignsEvents.LeadDeleted(lead: lead)).map(\.type) == [.leadDeleted])
        let finished = CampaignsEvents.ImportFinished(importID: ImportID(UUID()), created: 1, updated: 2, duplicates: 3, rejected: 4)
        #expect(try facts(finished).first?.data.rejected == 4)
        #expect(try facts(DeliveryEvents.MailboxConnected(mailbox: mailbox), tenant: nil).isEmpty)
        #expect(try facts(DeliveryEvents.WebhookChanged(webhook: WebhookID(UUID()), change: "create")).isEmpty)
        #expect(try facts(DeliveryEvents.QueueOperated(queue: "q", action: "a", count: 1)).isEmpty)
    }

    @Test("what becomes of domains, reputations, holds, warm-ups and reading is told, with the mailbox or the domain's name")
    func deliverability() throws {
        let (mailbox, domain) = (MailboxID(UUID()), DomainID(UUID()))
        let changed = try facts(
            DeliveryEvents.DomainChanged(domain: domain, name: "a.example", state: "broken", isAuthenticated: false, reasons: ["spf_missing"]))
        #expect(changed.map(\.type) == [.domainChanged])
        #expect(changed[0].data.domain == domain && changed[0].data.status == "broken" && changed[0].data.reasons == ["spf_missing"])
        let band = try facts(
            DeliveryEvents.ReputationBandChanged(scope: "mailbox", subject: mailbox.description, band: "red", previous: "green"))
        #expect(band[0].type == .reputationChanged && band[0].data.mailbox == mailbox && band[0].data.subject == nil)
        #expect(band[0].data.band == "red" && band[0].data.previous == "green")
        let held = try facts(
            DeliveryEvents.ComplaintsHeld(scope: "domain", subject: "a.example", level: "stop", complaints: 3, accepted: 400))
        #expect(held[0].type == .complaintsHeld && held[0].data.subject == "a.example" && held[0].data.complaints == 3)
        let released = try facts(DeliveryEvents.ComplaintsReleased(scope: "tenant", subject: "x", level: "pause"))
        // Whose it is stands in the message already.
        #expect(released[0].type == .complaintsReleased && released[0].data.scope == "tenant" && released[0].data.subject == nil)
        #expect(try facts(DeliveryEvents.WarmupFinished(mailbox: mailbox, strategy: "moderate"))[0].data.strategy == "moderate")
        #expect(try facts(DeliveryEvents.MailboxReadingFailed(mailbox: mailbox, reason: "r")).map(\.type) == [.mailboxReadingFailed])
        #expect(try facts(DeliveryEvents.MailboxReadingResumed(mailbox: mailbox)).map(\.type) == [.mailboxReadingResumed])
    }

    @Test("the message says what it is, when, whose, and what happened, in names that never change")
    func payload() throws {
        let (tenant, workspace) = (TenantID(UUID()), WorkspaceID(UUID()))
        let finished = CampaignsEvents.ImportFinished(importID: ImportID(UUID()), created: 1, updated: 2, duplicates: 3, rejected: 4)
        let fact = try #require(try facts(finished, tenant: tenant, workspace: workspace).first)
        let id = WebhookMessageID(UUID())
        let expected = #"""
            {"created_at":"2027-01-15T08:00:00.000Z","data":{"created":1,"duplicates":3,"import":"\#(finished.importID)","rejected":4,"updated":2},"id":"\#(id)","tenant":"\#(tenant)","type":"import.finished","workspace":"\#(workspace)"}
            """#
        #expect(try WebhookPayload(fact, id: id).encoded() == expected)
    }
}
