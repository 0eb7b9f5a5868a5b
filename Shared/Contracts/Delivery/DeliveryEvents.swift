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

        public init(campaign: CampaignID?, enrolment: EnrolmentID?) {
            self.campaign = campaign
            self.enrolment = enrolment
        }
    }
}
