import Contracts
import Foundation
import Primitives

/// A batch of a campaign's mails on its way to Delivery.
struct HandOver: Sendable {
    let id: UUID
    let tenant: TenantID
    let campaign: CampaignID
    let campaignName: String
    let workspace: WorkspaceID
    let schedule: CampaignSchedule
    let sequence: CampaignSequence
    let postalAddress: String?
    let tracksOpens: Bool
    let tracksClicks: Bool
    let stopsOnReply: Bool
    let isChecked: Bool
    /// Until when this process has the batch for itself, by the database's clock; also its proof.
    var lockedUntil: Date
    /// The trace of the request that launched the campaign.
    var trace: TraceParent?

    /// A mail that was decided: whose, from where, saying what.
    struct Member: Sendable {
        let enrolment: EnrolmentID
        let step: Int
        let lead: Lead
        let zone: String?
        let mailbox: MailboxID
        let content: Content
        let plannedAt: Date
        /// The mails before it that went out, oldest first.
        let before: [Earlier]

        var sendKey: String { Enrolment.sendKey(enrolment, step: step) }
    }

    /// A version of a template.
    struct Content: Hashable, Sendable {
        let template: TemplateID
        let version: Int
    }

    struct Earlier: Sendable {
        let step: Int
        let content: Content
    }
}
