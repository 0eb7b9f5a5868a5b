public import Foundation

/// What others may ask Delivery.
public enum DeliveryRPC {
    /// Hands sends over, at most 500 of one tenant; a send key that is known already is left as it is, whatever its state.
    /// Error kinds `mailbox_not_found`, `invalid_batch`.
    public struct EnqueueSends: RPCMethod {
        public static let name = "delivery.enqueueSends"
        public static let isIdempotent = true
        public static let deadline = Duration.seconds(30)
        public typealias Result = EnqueueResult
        public var tenant: TenantID
        public var sends: [PlannedSend]

        public init(tenant: TenantID, sends: [PlannedSend]) {
            self.tenant = tenant
            self.sends = sends
        }
    }

    public struct EnqueueResult: Codable, Sendable, Equatable {
        public var enqueued: Int
        public var known: Int

        public init(enqueued: Int, known: Int) {
            self.enqueued = enqueued
            self.known = known
        }
    }

    /// Puts jobs of a kind into a queue, at most 1,000 of one tenant; a key that is known already is left as it is.
    /// Error kinds `unknown_queue`, `invalid_batch`.
    public struct EnqueueJobs: RPCMethod {
        public static let name = "delivery.enqueueJobs"
        public static let isIdempotent = true
        public static let deadline = Duration.seconds(30)
        public typealias Result = EnqueueResult
        public var tenant: TenantID
        /// Such as `queue:webhook:process`; the queues of mail take mail only.
        public var queue: String
        public var kind: String
        public var jobs: [PlannedJob]

        public init(tenant: TenantID, queue: String, kind: String, jobs: [PlannedJob]) {
            self.tenant = tenant
            self.queue = queue
            self.kind = kind
            self.jobs = jobs
        }
    }

    /// One job: identifiers and small values, never secrets or what a mail says.
    public struct PlannedJob: Codable, Sendable, Equatable {
        /// Unique among the tenant's jobs of the kind.
        public var key: String
        /// Jobs of one lane run in their order; nil is the tenant's.
        public var lane: UUID?
        public var payload: [String: String]
        /// Lower goes first.
        public var priority: Int
        public var dueAt: Date

        public init(key: String, lane: UUID?, payload: [String: String], priority: Int, dueAt: Date) {
            self.key = key
            self.lane = lane
            self.payload = payload
            self.priority = priority
            self.dueAt = dueAt
        }
    }

    /// One mail, rendered and addressed.
    public struct PlannedSend: Codable, Sendable, Equatable {
        /// `campaign:<enrolment>:<step>`, `test:…`, `transactional:…`; unique in the tenant for ever.
        public var sendKey: String
        public var workspace: WorkspaceID
        public var campaign: CampaignID?
        public var enrolment: EnrolmentID?
        public var mailbox: MailboxID
        public var recipient: String
        public var recipientName: String?
        public var subject: String
        public var text: String
        public var html: String?
        /// Lower goes first: ≤ 50 high, 51–150 normal, > 150 low.
        public var priority: Int
        public var dueAt: Date
        public var reservation: ReservationID?
        /// It goes out, and is tried again, only inside; nil is at any hour.
        public var window: SendingWindow?
        /// Send keys of the same mailbox's earlier mails that this one follows, oldest first: it stands in their thread.
        public var follows: [String]?
        /// Nil is no.
        public var tracksOpens: Bool?
        public var tracksClicks: Bool?
        /// Whether whoever answers gets no more of the enrolment's mails, from the commit of the answer on; nil is yes.
        public var stopsOnReply: Bool?

        public init(
            sendKey: String, workspace: WorkspaceID, campaign: CampaignID?, enrolment: EnrolmentID?, mailbox: MailboxID, recipient: String,
            recipientName: String?, subject: String, text: String, html: String?, priority: Int, dueAt: Date, reservation: ReservationID?,
            window: SendingWindow? = nil, follows: [String]? = nil, tracksOpens: Bool? = nil, tracksClicks: Bool? = nil,
            stopsOnReply: Bool? = nil
        ) {
            self.sendKey = sendKey
            self.workspace = workspace
            self.campaign = campaign
            self.enrolment = enrolment
            self.mailbox = mailbox
            self.recipient = recipient
            self.recipientName = recipientName
            self.subject = subject
            self.text = text
            self.html = html
            self.priority = priority
            self.dueAt = dueAt
            self.reservation = reservation
            self.window = window
            self.follows = follows
            self.tracksOpens = tracksOpens
            self.tracksClicks = tracksClicks
            self.stopsOnReply = stopsOnReply
        }
    }

    /// Takes mails back that nobody has claimed, at most 500 of one tenant; answered after the commit.
    ///
    /// A recall forgets a planned mail, so that its key may be used again; a cancellation ends planned and deferred mail for good. Quota that
    /// was reserved for either goes back. Error kind `invalid_batch`.
    public struct WithdrawSends: RPCMethod {
        public static let name = "delivery.withdrawSends"
        public static let isIdempotent = true
        public static let deadline = Duration.seconds(30)
        public typealias Result = Withdrawal

        public struct Mode: OpenEnum {
            public let rawValue: String
            public init(rawValue: String) { self.rawValue = rawValue }
            public static let recall = Self(rawValue: "recall")
            public static let cancel = Self(rawValue: "cancel")
        }

        public var tenant: TenantID
        public var sendKeys: [String]
        public var mode: Mode

        public init(tenant: TenantID, sendKeys: [String], mode: Mode) {
            self.tenant = tenant
            self.sendKeys = sendKeys
            self.mode = mode
        }
    }

    /// What became of each key, in three parts.
    public struct Withdrawal: Codable, Sendable, Equatable {
        /// Taken back now; of a cancellation also what was cancelled before.
        public var withdrawn: [String]
        /// Delivery knows no such mail.
        public var unknown: [String]
        /// Claimed, sent, or (for a recall) tried or cancelled before.
        public var tooLate: [String]

        public init(withdrawn: [String], unknown: [String], tooLate: [String]) {
            self.withdrawn = withdrawn
            self.unknown = unknown
            self.tooLate = tooLate
        }
    }

    /// Forgets a person: addresses and contents of their mails go, and what forbids writing to them stays as a digest of the address, so that
    /// a later import cannot mail them. Cancels what is not yet claimed. A batch a call; ask again until it is done.
    public struct EraseRecipient: RPCMethod {
        public static let name = "delivery.eraseRecipient"
        public static let isIdempotent = true
        public static let deadline = Duration.seconds(30)
        public typealias Result = PurgeResult
        public var tenant: TenantID
        public var address: String
        /// Whether the person had asked not to be written to, as far as the caller knows.
        public var isOptedOut: Bool

        public init(tenant: TenantID, address: String, isOptedOut: Bool) {
            self.tenant = tenant
            self.address = address
            self.isOptedOut = isOptedOut
        }
    }

    /// Opens or holds a gate; answered after the commit, so nothing that was not yet claimed goes out afterwards. A lower version is ignored.
    public struct SetSendGate: RPCMethod {
        public static let name = "delivery.setSendGate"
        public static let isIdempotent = true
        public typealias Result = Empty
        public var tenant: TenantID
        /// `tenant`, `workspace`, `campaign`, `enrolment` or `mailbox`.
        public var scope: String
        public var id: String
        public var isOpen: Bool
        public var reason: String?
        public var version: Int64

        public init(tenant: TenantID, scope: String, id: String, isOpen: Bool, reason: String?, version: Int64) {
            self.tenant = tenant
            self.scope = scope
            self.id = id
            self.isOpen = isOpen
            self.reason = reason
            self.version = version
        }
    }

    /// Which of at most 500 addresses must not be written to.
    public struct FindSuppressed: RPCMethod {
        public static let name = "delivery.findSuppressed"
        public static let isIdempotent = true
        public typealias Result = [String]
        public var tenant: TenantID
        public var workspace: WorkspaceID
        public var addresses: [String]

        public init(tenant: TenantID, workspace: WorkspaceID, addresses: [String]) {
            self.tenant = tenant
            self.workspace = workspace
            self.addresses = addresses
        }
    }

    /// How sending fares, for the status page.
    public struct ReadTransportHealth: RPCMethod {
        public static let name = "delivery.readTransportHealth"
        public static let isIdempotent = true
        public static let deadline = Duration.seconds(3)
        public typealias Result = TransportHealth

        public init() {}
    }

    public struct TransportHealth: Codable, Sendable, Equatable {
        /// Attempts of the last 15 minutes that reached the server's answer, and those that did not.
        public var answered: Int64
        public var unreachable: Int64
        /// Jobs that could run now and wait.
        public var waiting: Int64
        public var activeMailboxes: Int64
        public var stoppedMailboxes: Int64

        public init(answered: Int64, unreachable: Int64, waiting: Int64, activeMailboxes: Int64, stoppedMailboxes: Int64) {
            self.answered = answered
            self.unreachable = unreachable
            self.waiting = waiting
            self.activeMailboxes = activeMailboxes
            self.stoppedMailboxes = stoppedMailboxes
        }
    }
}
