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

    /// Staff changed how mailboxes are warmed up.
    public struct WarmupStrategyChanged: Event {
        public static let name = "delivery.warmupStrategy.changed"
        public var strategy: String

        public init(strategy: String) {
            self.strategy = strategy
        }
    }
}
