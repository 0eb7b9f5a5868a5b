import Contracts
import Foundation

/// What is sent to whom, as its owner sees it.
struct Campaign: Codable, Sendable, Equatable {
    let id: CampaignID
    let workspace: WorkspaceID
    let name: String
    let template: TemplateID
    let templateVersion: Int
    let mailbox: MailboxID
    let status: CampaignStatus
    /// Raised with each change of status.
    let version: Int64
    let statusReason: String?
    let createdAt: Date
    let launchedAt: Date?
    let completedAt: Date?
}

/// draft → active ⇄ paused → completed.
enum CampaignStatus: String, Codable, Sendable {
    case draft
    case active
    case paused
    case completed

    /// Whether a campaign may go from here to there.
    func mayBecome(_ next: CampaignStatus) -> Bool {
        switch (self, next) {
        case (.draft, .active), (.active, .paused), (.paused, .active), (.active, .completed): true
        default: false
        }
    }
}

/// One reason why a campaign is not launched.
struct LaunchRefusal: Sendable, Equatable {
    let code: String
    let detail: String
}

/// What launching depends on, looked up beforehand.
struct LaunchFacts: Sendable {
    let isOwnerVerified: Bool
    let leads: Int64
    let mailsLeft: Int64
    let maySend: Bool
    /// Nil when there is no such mailbox.
    let mailboxState: (state: String, reason: String?)?
    let postalAddress: String?
    let hasUnsubscribeLink: Bool

    /// Every reason at once, so that nobody has to try again to find the next.
    var refusals: [LaunchRefusal] {
        var refusals: [LaunchRefusal] = []
        func refuse(_ code: String, _ detail: String) { refusals.append(LaunchRefusal(code: code, detail: detail)) }
        if leads == 0 { refuse("no_leads", "The workspace has no leads; import some first.") }
        if !isOwnerVerified { refuse("owner_unverified", "Confirm your e-mail address first.") }
        if !maySend {
            refuse("sending_paused", "The trial or the subscription is over.")
        } else if leads > mailsLeft {
            refuse("quota_exceeded", "\(leads) mails are needed and \(max(0, mailsLeft)) are left in this period.")
        }
        if let mailboxState {
            if mailboxState.state != "active" { refuse("mailbox_stopped", "The mailbox is stopped: \(mailboxState.reason ?? "no reason given")") }
        } else {
            refuse("mailbox_not_found", "The mailbox is gone.")
        }
        if postalAddress == nil { refuse("no_postal_address", "Commercial mail must carry a postal address; give the workspace one.") }
        if !hasUnsubscribeLink { refuse("no_unsubscribe_link", "Put {{unsubscribe_url}} into the text and the HTML of the template.") }
        return refusals
    }
}
