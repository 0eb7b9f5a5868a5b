public import Foundation

/// What Delivery tells everyone.
public enum DeliveryEvents {
    /// A batch of one tenant's sends changed state; per mail, so never in the audit trail.
    public struct SendsResolved: Event {
        public static let name = "delivery.sends.resolved"
        public var sends: [ResolvedSend]

        public init(sends: [ResolvedSend]) {
            self.sends = sends
        }
    }

    public struct SendState: OpenEnum {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        /// The receiving server took it.
        public static let accepted = Self(rawValue: "accepted")
        /// A server refused it for good.
        public static let refused = Self(rawValue: "refused")
        /// It will be tried again later.
        public static let deferred = Self(rawValue: "deferred")
        /// The line broke between the final dot and the reply: held until somebody or something settles it.
        public static let ambiguous = Self(rawValue: "ambiguous")
        /// The recipient must not be written to.
        public static let suppressed = Self(rawValue: "suppressed")
        /// An operator took it out of its queue.
        public static let cancelled = Self(rawValue: "cancelled")
    }

    public struct ResolvedSend: Codable, Sendable, Equatable {
        public var sendKey: String
        /// Raised with each change of state; a lower one is ignored.
        public var version: Int64
        public var campaign: CampaignID?
        public var enrolment: EnrolmentID?
        public var state: SendState
        /// The SMTP reply code, when there was one.
        public var code: Int?
        public var at: Date

        public init(
            sendKey: String, version: Int64, campaign: CampaignID?, enrolment: EnrolmentID?, state: SendState, code: Int?, at: Date
        ) {
            self.sendKey = sendKey
            self.version = version
            self.campaign = campaign
            self.enrolment = enrolment
            self.state = state
            self.code = code
            self.at = at
        }
    }

    public struct MailboxConnected: Event {
        public static let name = "delivery.mailbox.connected"
        public var mailbox: MailboxID

        public init(mailbox: MailboxID) {
            self.mailbox = mailbox
        }
    }

    /// A tenant decided what becomes of mail whose fate is unknown.
    public struct SettingsChanged: Event {
        public static let name = "delivery.settings.changed"
        public var ambiguous: String

        public init(ambiguous: String) {
            self.ambiguous = ambiguous
        }
    }

    /// Somebody settled a mail whose fate was unknown: `sent`, `not_sent` or `resend`; or its copy among the sent mail did: `sent_copy`.
    public struct SendSettled: Event {
        public static let name = "delivery.send.settled"
        public var send: SendID
        public var settlement: String

        public init(send: SendID, settlement: String) {
            self.send = send
            self.settlement = settlement
        }
    }

    /// A person of the operator's staff acted on a queue or its jobs.
    public struct QueueOperated: Event {
        public static let name = "delivery.queue.operated"
        public var queue: String
        public var action: String
        public var count: Int

        public init(queue: String, action: String, count: Int) {
            self.queue = queue
            self.action = action
            self.count = count
        }
    }

    /// A mailbox's pace or state was changed by its owner.
    public struct MailboxChanged: Event {
        public static let name = "delivery.mailbox.changed"
        public var mailbox: MailboxID

        public init(mailbox: MailboxID) {
            self.mailbox = mailbox
        }
    }

    public struct MailboxStopped: Event {
        public static let name = "delivery.mailbox.stopped"
        public var mailbox: MailboxID
        public var reason: String

        public init(mailbox: MailboxID, reason: String) {
            self.mailbox = mailbox
            self.reason = reason
        }
    }

    /// A recipient asked not to be written to any more.
    public struct RecipientUnsubscribed: Event {
        public static let name = "delivery.recipient.unsubscribed"
        public var campaign: CampaignID?
        public var enrolment: EnrolmentID?
        /// Nil from a version that did not tell.
        public var optOut: OptOut?

        public init(campaign: CampaignID?, enrolment: EnrolmentID?, optOut: OptOut? = nil) {
            self.campaign = campaign
            self.enrolment = enrolment
            self.optOut = optOut
        }
    }

    /// What recipients, or the machines on their way, did with mail of a tenant; per mail, so never in the audit trail.
    public struct FeedbackReceived: Event {
        public static let name = "delivery.feedback.received"
        public var feedback: [Feedback]

        public init(feedback: [Feedback]) {
            self.feedback = feedback
        }
    }

    public struct FeedbackKind: OpenEnum {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let opened = Self(rawValue: "opened")
        public static let clicked = Self(rawValue: "clicked")
        /// A person answered.
        public static let replied = Self(rawValue: "replied")
        /// A machine answered for an absent person; it stops nothing.
        public static let automaticReply = Self(rawValue: "automatic_reply")
        /// It will never be delivered.
        public static let hardBounce = Self(rawValue: "hard_bounce")
        public static let softBounce = Self(rawValue: "soft_bounce")
        public static let complained = Self(rawValue: "complained")
        public static let unsubscribed = Self(rawValue: "unsubscribed")
    }

    public struct Feedback: Codable, Sendable, Equatable {
        public var kind: FeedbackKind
        public var sendKey: String
        public var campaign: CampaignID?
        public var enrolment: EnrolmentID?
        /// Of an opening or a click: a scanner or a proxy, not a person.
        public var isMachine: Bool
        public var at: Date
        /// Of an automatic reply of somebody who is away: the day of the return, like `2026-12-07`, when it says so.
        public var returnsOn: String?

        public init(
            kind: FeedbackKind, sendKey: String, campaign: CampaignID?, enrolment: EnrolmentID?, isMachine: Bool, at: Date, returnsOn: String? = nil
        ) {
            self.kind = kind
            self.sendKey = sendKey
            self.campaign = campaign
            self.enrolment = enrolment
            self.isMachine = isMachine
            self.at = at
            self.returnsOn = returnsOn
        }
    }

    /// Somebody, or a rule, put recipients on the list of those who must not be written to; the enrolments are those that mail was planned for.
    public struct RecipientsSuppressed: Event {
        public static let name = "delivery.recipients.suppressed"
        public var enrolments: [EnrolmentID]
        public var reason: String
        /// What the recipient chose, when it was the recipient.
        public var optOut: OptOut?

        public init(enrolments: [EnrolmentID], reason: String, optOut: OptOut? = nil) {
            self.enrolments = enrolments
            self.reason = reason
            self.optOut = optOut
        }
    }
}
