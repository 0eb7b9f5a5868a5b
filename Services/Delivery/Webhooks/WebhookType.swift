import Contracts

/// What tenants can be told of; the raw value is the name that stands in messages and never changes.
enum WebhookType: String, CaseIterable, Sendable {
    case emailAccepted = "email.accepted"
    case emailRefused = "email.refused"
    case emailDeferred = "email.deferred"
    case emailAmbiguous = "email.ambiguous"
    case emailSuppressed = "email.suppressed"
    case emailCancelled = "email.cancelled"
    case emailOpened = "email.opened"
    case emailClicked = "email.clicked"
    case emailReplied = "email.replied"
    case emailAutoReplied = "email.auto_replied"
    case emailBounced = "email.bounced"
    case emailComplained = "email.complained"
    case recipientUnsubscribed = "recipient.unsubscribed"
    case recipientSuppressed = "recipient.suppressed"
    case mailboxConnected = "mailbox.connected"
    case mailboxChanged = "mailbox.changed"
    case mailboxStopped = "mailbox.stopped"
    case mailboxReadingFailed = "mailbox.reading_failed"
    case mailboxReadingResumed = "mailbox.reading_resumed"
    case warmupFinished = "mailbox.warmup_finished"
    case domainChanged = "domain.changed"
    case reputationChanged = "reputation.changed"
    case complaintsHeld = "complaints.held"
    case complaintsReleased = "complaints.released"
    case campaignScheduled = "campaign.scheduled"
    case campaignStarted = "campaign.started"
    case campaignPaused = "campaign.paused"
    case campaignCompleted = "campaign.completed"
    case campaignArchived = "campaign.archived"
    case leadCreated = "lead.created"
    case leadChanged = "lead.changed"
    case leadDeleted = "lead.deleted"
    case importFinished = "import.finished"

    /// Everything, also what there will be.
    static let everything = "*"
    /// Only on demand, never subscribed to.
    static let test = "webhook.test"

    /// For the list of types.
    var summary: String {
        switch self {
        case .emailAccepted: "The receiving server took a mail."
        case .emailRefused: "A server refused a mail for good."
        case .emailDeferred: "A server did not take a mail yet; it is tried again."
        case .emailAmbiguous: "The line broke before the server's reply: nobody knows whether a mail arrived."
        case .emailSuppressed: "A mail was not sent, since its recipient must not be written to."
        case .emailCancelled: "A mail was taken out before it was sent."
        case .emailOpened: "A mail was opened, by a person or a machine."
        case .emailClicked: "A link in a mail was followed, by a person or a machine."
        case .emailReplied: "A person answered a mail."
        case .emailAutoReplied: "A machine answered for an absent person."
        case .emailBounced: "A mail came back."
        case .emailComplained: "A recipient reported a mail as unwanted."
        case .recipientUnsubscribed: "A recipient asked not to be written to any more."
        case .recipientSuppressed: "Recipients with planned mail came onto the list of those who must not be written to."
        case .mailboxConnected: "A mailbox was connected, or connected anew."
        case .mailboxChanged: "A mailbox's limits or state were changed by somebody."
        case .mailboxStopped: "A mailbox stopped sending by itself."
        case .mailboxReadingFailed: "A mailbox cannot be read."
        case .mailboxReadingResumed: "A mailbox is read again after it could not be."
        case .warmupFinished: "A mailbox' warm-up has come to its end."
        case .domainChanged: "A domain was added or removed, or is verified, failing or broken from now on."
        case .reputationChanged: "The reputation of a domain or a mailbox is in another band."
        case .complaintsHeld: "Too many recipients complained: nothing more is sent for a domain, or the company."
        case .complaintsReleased: "Somebody has ended such a hold."
        case .campaignScheduled: "A campaign was launched and waits for its beginning."
        case .campaignStarted: "A campaign began, or goes on after a pause."
        case .campaignPaused: "A campaign was paused."
        case .campaignCompleted: "A campaign has come to its end."
        case .campaignArchived: "A campaign was put away."
        case .leadCreated: "A lead was created by hand or through the API; imports tell of themselves."
        case .leadChanged: "A lead was changed."
        case .leadDeleted: "A lead was deleted."
        case .importFinished: "An import of leads has ended."
        }
    }

    /// Nil for a state that is not told of.
    init?(_ state: DeliveryEvents.SendState) {
        switch state {
        case .accepted: self = .emailAccepted
        case .refused: self = .emailRefused
        case .deferred: self = .emailDeferred
        case .ambiguous: self = .emailAmbiguous
        case .suppressed: self = .emailSuppressed
        case .cancelled: self = .emailCancelled
        default: return nil
        }
    }

    /// Nil for a kind that is not told of.
    init?(_ kind: DeliveryEvents.FeedbackKind) {
        switch kind {
        case .opened: self = .emailOpened
        case .clicked: self = .emailClicked
        case .replied: self = .emailReplied
        case .automaticReply: self = .emailAutoReplied
        case .hardBounce, .softBounce: self = .emailBounced
        case .complained: self = .emailComplained
        case .unsubscribed: self = .recipientUnsubscribed
        default: return nil
        }
    }

    /// Of a campaign that has got this status; nil for one that is not told of.
    init?(campaignStatus: String) {
        switch campaignStatus {
        case "scheduled": self = .campaignScheduled
        case "active": self = .campaignStarted
        case "paused": self = .campaignPaused
        case "completed": self = .campaignCompleted
        case "archived": self = .campaignArchived
        default: return nil
        }
    }
}
