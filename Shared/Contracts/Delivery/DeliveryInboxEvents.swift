public enum InboxThreadKind {}
public typealias InboxThreadID = EntityID<InboxThreadKind>

extension DeliveryEvents {
    /// Somebody answered a person in the inbox; the mail is on its way.
    public struct InboxReplied: Event {
        public static let name = "delivery.inbox.replied"
        public var thread: InboxThreadID
        public var send: SendID
        public var mailbox: MailboxID

        public init(thread: InboxThreadID, send: SendID, mailbox: MailboxID) {
            self.thread = thread
            self.send = send
            self.mailbox = mailbox
        }
    }
}
