extension DeliveryEvents {
    /// People changed a list of those who must not be written to; the platform's when the event belongs to no tenant.
    public struct SuppressionsChanged: Event {
        public static let name = "delivery.suppressions.changed"
        public var added: Int
        public var lifted: Int
        /// Nil is the whole tenant.
        public var workspace: WorkspaceID?

        public init(added: Int, lifted: Int, workspace: WorkspaceID? = nil) {
            self.added = added
            self.lifted = lifted
            self.workspace = workspace
        }
    }

    /// Somebody took a tenant's list away as a file.
    public struct SuppressionsExported: Event {
        public static let name = "delivery.suppressions.exported"
        /// Nil is the whole tenant.
        public var workspace: WorkspaceID?

        public init(workspace: WorkspaceID? = nil) {
            self.workspace = workspace
        }
    }

    /// A recipient took an opt-out back, by the same link and within a day: it was a slip.
    public struct RecipientResubscribed: Event {
        public static let name = "delivery.recipient.resubscribed"
        public var campaign: CampaignID?
        public var enrolment: EnrolmentID?
        /// The mail with the link; nil from a version that did not tell, which changes nothing with others.
        public var send: SendID?
        /// The person's enrolments that nothing holds back any more; at most 500, the others in further events.
        public var enrolments: [EnrolmentID]?
        /// Whether the opt-out was for the whole company, and none for it is left.
        public var isWhole: Bool?

        public init(
            campaign: CampaignID?, enrolment: EnrolmentID?, send: SendID? = nil, enrolments: [EnrolmentID]? = nil, isWhole: Bool? = nil
        ) {
            self.campaign = campaign
            self.enrolment = enrolment
            self.send = send
            self.enrolments = enrolments
            self.isWhole = isWhole
        }
    }

    /// What a recipient chose by the link in a mail.
    public struct OptOut: Codable, Sendable, Equatable {
        /// The mail with the link; what is taken back names it again.
        public var send: SendID
        public var sendKey: String
        /// `campaign`, `workspace`, `company`, or `pause`, which is for a while and no unsubscription.
        public var choice: String

        public init(send: SendID, sendKey: String, choice: String) {
            self.send = send
            self.sendKey = sendKey
            self.choice = choice
        }
    }

    /// Whole domains, without their `@`, came onto a company's list: nothing more goes to anybody there.
    public struct DomainsSuppressed: Event {
        public static let name = "delivery.domains.suppressed"
        public var domains: [String]
        public var reason: String
        /// Nil is the whole company.
        public var workspace: WorkspaceID?

        public init(domains: [String], reason: String, workspace: WorkspaceID?) {
            self.domains = domains
            self.reason = reason
            self.workspace = workspace
        }
    }

    /// A recipient chose what of their doings may be noticed.
    public struct RecipientTrackingChosen: Event {
        public static let name = "delivery.recipient.tracking_chosen"
        public var isTracked: Bool

        public init(isTracked: Bool) {
            self.isTracked = isTracked
        }
    }

    /// A tenant decided what may be noticed of its mails.
    public struct TrackingChanged: Event {
        public static let name = "delivery.tracking.changed"
        public var opens: Bool
        public var clicks: Bool

        public init(opens: Bool, clicks: Bool) {
            self.opens = opens
            self.clicks = clicks
        }
    }

    /// A tenant changed who is left out of tracking.
    public struct TrackingOptOutsChanged: Event {
        public static let name = "delivery.tracking.opt_outs.changed"
        public var added: Int
        public var removed: Int

        public init(added: Int, removed: Int) {
            self.added = added
            self.removed = removed
        }
    }
}
