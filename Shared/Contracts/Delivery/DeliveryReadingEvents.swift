extension DeliveryEvents {
    /// A mailbox cannot be read: its server does not let us in, or is not there for long.
    public struct MailboxReadingFailed: Event {
        public static let name = "delivery.mailbox.reading_failed"
        public var mailbox: MailboxID
        public var reason: String

        public init(mailbox: MailboxID, reason: String) {
            self.mailbox = mailbox
            self.reason = reason
        }
    }

    /// A mailbox is read again after it could not be.
    public struct MailboxReadingResumed: Event {
        public static let name = "delivery.mailbox.reading_resumed"
        public var mailbox: MailboxID

        public init(mailbox: MailboxID) {
            self.mailbox = mailbox
        }
    }
}
