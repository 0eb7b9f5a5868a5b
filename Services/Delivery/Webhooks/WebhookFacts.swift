import Contracts
import Foundation
import Streams

/// What an event tells tenants, in the words of webhooks; pure. An event that is told to nobody gives nothing.
enum WebhookFacts {
    /// Throws ``EventRejected`` when the event's data has another form.
    static func of(_ event: ReceivedEvent) throws -> [WebhookFact] {
        guard let tenant = event.header.tenant else { return [] }
        let source = Source(tenant: tenant, event: event)
        switch event.header.type {
        case DeliveryEvents.SendsResolved.name: return try sends(source)
        case DeliveryEvents.FeedbackReceived.name: return try feedback(source)
        case DeliveryEvents.RecipientUnsubscribed.name:
            let data = try event.data(as: DeliveryEvents.RecipientUnsubscribed.self)
            return [
                source.fact(
                    .recipientUnsubscribed, key: unsubscription(of: data.enrolment), WebhookData(campaign: data.campaign, enrolment: data.enrolment))
            ]
        case DeliveryEvents.RecipientsSuppressed.name:
            let data = try event.data(as: DeliveryEvents.RecipientsSuppressed.self)
            return [source.fact(.recipientSuppressed, WebhookData(enrolments: data.enrolments, reason: data.reason))]
        case DeliveryEvents.MailboxConnected.name:
            return [
                source.fact(.mailboxConnected, WebhookData(mailbox: try event.data(as: DeliveryEvents.MailboxConnected.self).mailbox))
            ]
        case DeliveryEvents.MailboxChanged.name:
            return [source.fact(.mailboxChanged, WebhookData(mailbox: try event.data(as: DeliveryEvents.MailboxChanged.self).mailbox))]
        case DeliveryEvents.MailboxStopped.name:
            let data = try event.data(as: DeliveryEvents.MailboxStopped.self)
            return [source.fact(.mailboxStopped, WebhookData(mailbox: data.mailbox, reason: data.reason))]
        default: return try ofDeliverability(source) ?? ofCampaigns(source)
        }
    }

    /// Nil for an event of something else.
    private static func ofDeliverability(_ source: Source) throws -> [WebhookFact]? {
        let event = source.event
        switch event.header.type {
        case DeliveryEvents.MailboxReadingFailed.name:
            let data = try event.data(as: DeliveryEvents.MailboxReadingFailed.self)
            return [source.fact(.mailboxReadingFailed, WebhookData(mailbox: data.mailbox, reason: data.reason))]
        case DeliveryEvents.MailboxReadingResumed.name:
            let data = try event.data(as: DeliveryEvents.MailboxReadingResumed.self)
            return [source.fact(.mailboxReadingResumed, WebhookData(mailbox: data.mailbox))]
        case DeliveryEvents.WarmupFinished.name:
            let data = try event.data(as: DeliveryEvents.WarmupFinished.self)
            return [source.fact(.warmupFinished, WebhookData(mailbox: data.mailbox, strategy: data.strategy))]
        case DeliveryEvents.DomainChanged.name:
            let data = try event.data(as: DeliveryEvents.DomainChanged.self)
            var told = WebhookData(status: data.state)
            (told.domain, told.name, told.isAuthenticated, told.reasons) = (data.domain, data.name, data.isAuthenticated, data.reasons)
            return [source.fact(.domainChanged, told)]
        case DeliveryEvents.ReputationBandChanged.name:
            let data = try event.data(as: DeliveryEvents.ReputationBandChanged.self)
            var told = WebhookData(subject: data.subject, of: data.scope)
            (told.band, told.previous) = (data.band, data.previous)
            return [source.fact(.reputationChanged, told)]
        case DeliveryEvents.ComplaintsHeld.name:
            let data = try event.data(as: DeliveryEvents.ComplaintsHeld.self)
            var told = WebhookData(subject: data.subject, of: data.scope)
            (told.level, told.complaints, told.accepted) = (data.level, data.complaints, data.accepted)
            return [source.fact(.complaintsHeld, told)]
        case DeliveryEvents.ComplaintsReleased.name:
            let data = try event.data(as: DeliveryEvents.ComplaintsReleased.self)
            var told = WebhookData(subject: data.subject, of: data.scope)
            told.level = data.level
            return [source.fact(.complaintsReleased, told)]
        default: return nil
        }
    }

    private static func ofCampaigns(_ source: Source) throws -> [WebhookFact] {
        let event = source.event
        switch event.header.type {
        case CampaignsEvents.CampaignStatusChanged.name:
            let data = try event.data(as: CampaignsEvents.CampaignStatusChanged.self)
            guard let type = WebhookType(campaignStatus: data.status) else { return [] }
            return [source.fact(type, WebhookData(campaign: data.campaign, status: data.status, reason: data.reason))]
        case CampaignsEvents.LeadCreated.name:
            return [source.fact(.leadCreated, WebhookData(lead: try event.data(as: CampaignsEvents.LeadCreated.self).lead))]
        case CampaignsEvents.LeadChanged.name:
            let data = try event.data(as: CampaignsEvents.LeadChanged.self)
            return [source.fact(.leadChanged, WebhookData(lead: data.lead, fields: data.fields))]
        case CampaignsEvents.LeadDeleted.name:
            return [source.fact(.leadDeleted, WebhookData(lead: try event.data(as: CampaignsEvents.LeadDeleted.self).lead))]
        case CampaignsEvents.ImportFinished.name:
            let data = try event.data(as: CampaignsEvents.ImportFinished.self)
            return [
                source.fact(
                    .importFinished,
                    WebhookData(
                        leadImport: data.importID, created: data.created, updated: data.updated, duplicates: data.duplicates,
                        rejected: data.rejected))
            ]
        default: return []
        }
    }

    private static func sends(_ source: Source) throws -> [WebhookFact] {
        try source.event.data(as: DeliveryEvents.SendsResolved.self).sends.enumerated().compactMap { number, send in
            guard let type = WebhookType(send.state) else { return nil }
            let data = WebhookData(sendKey: send.sendKey, campaign: send.campaign, enrolment: send.enrolment, code: send.code)
            return source.fact(type, number: number, at: send.at, data)
        }
    }

    private static func feedback(_ source: Source) throws -> [WebhookFact] {
        try source.event.data(as: DeliveryEvents.FeedbackReceived.self).feedback.enumerated().compactMap { number, feedback in
            guard let type = WebhookType(feedback.kind) else { return nil }
            var data = WebhookData(sendKey: feedback.sendKey, campaign: feedback.campaign, enrolment: feedback.enrolment)
            switch type {
            case .emailBounced: data.bounce = feedback.kind == .hardBounce ? "hard" : "soft"
            case .emailOpened, .emailClicked: data.isMachine = feedback.isMachine
            default: break
            }
            let key = type == .recipientUnsubscribed ? unsubscription(of: feedback.enrolment) : nil
            return source.fact(type, number: number, key: key, at: feedback.at, data)
        }
    }

    /// A person's wish is told by what was clicked and again by the mail that it came from; who hears of it hears it once.
    private static func unsubscription(of enrolment: EnrolmentID?) -> String? {
        enrolment.map { "unsubscribed:\($0)" }
    }

    private struct Source {
        let tenant: TenantID
        let event: ReceivedEvent

        func fact(_ type: WebhookType, number: Int = 0, key: String? = nil, at: Date? = nil, _ data: WebhookData) -> WebhookFact {
            WebhookFact(
                tenant: tenant, workspace: event.header.workspace, type: type, sourceKey: key ?? "\(event.header.id):\(number)",
                at: at ?? event.header.occurredAt, data: data)
        }
    }
}

extension WebhookData {
    /// What concerns a company, one of its domains or one of its mailboxes.
    fileprivate init(subject: String, of scope: String) {
        self.init()
        self.scope = scope
        if let mailbox = MailboxID(subject), scope == "mailbox" {
            self.mailbox = mailbox
        } else if scope == "domain" {
            self.subject = subject
        }
    }
}
