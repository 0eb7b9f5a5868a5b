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

        public init(campaign: CampaignID?, enrolment: EnrolmentID?) {
            self.campaign = campaign
            self.enrolment = enrolment
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
