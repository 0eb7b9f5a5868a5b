/// What Delivery tells everyone about reputation and warm-ups.
extension DeliveryEvents {
    /// So many recipients complained that nothing more is sent from the mailboxes of a domain, or of the company.
    public struct ComplaintsHeld: Event {
        public static let name = "delivery.complaints.held"
        /// `tenant` or `domain`.
        public var scope: String
        public var subject: String
        /// `pause` or `stop`.
        public var level: String
        public var complaints: Int
        public var accepted: Int

        public init(scope: String, subject: String, level: String, complaints: Int, accepted: Int) {
            self.scope = scope
            self.subject = subject
            self.level = level
            self.complaints = complaints
            self.accepted = accepted
        }
    }

    /// Somebody has ended such a hold.
    public struct ComplaintsReleased: Event {
        public static let name = "delivery.complaints.released"
        public var scope: String
        public var subject: String
        public var level: String

        public init(scope: String, subject: String, level: String) {
            self.scope = scope
            self.subject = subject
            self.level = level
        }
    }

    /// The reputation of a domain or a mailbox is in another band than when it was scored last.
    public struct ReputationBandChanged: Event {
        public static let name = "delivery.reputation.band_changed"
        /// `domain` or `mailbox`.
        public var scope: String
        /// The domain, or the mailbox' identifier.
        public var subject: String
        /// `green`, `yellow` or `red`; nil while there is not enough mail to say.
        public var band: String?
        public var previous: String?

        public init(scope: String, subject: String, band: String?, previous: String?) {
            self.scope = scope
            self.subject = subject
            self.band = band
            self.previous = previous
        }
    }

    /// A mailbox' warm-up has come to its end: its whole limit holds.
    public struct WarmupFinished: Event {
        public static let name = "delivery.warmup.finished"
        public var mailbox: MailboxID
        public var strategy: String

        public init(mailbox: MailboxID, strategy: String) {
            self.mailbox = mailbox
            self.strategy = strategy
        }
    }

    /// Staff changed how mailboxes are warmed up.
    public struct WarmupStrategyChanged: Event {
        public static let name = "delivery.warmupStrategy.changed"
        public var strategy: String

        public init(strategy: String) {
            self.strategy = strategy
        }
    }
}
