public import Foundation

/// What others may ask Delivery about mailboxes.
extension DeliveryRPC {
    /// A mailbox as a campaign needs to know it; error kind `mailbox_not_found`.
    public struct ReadMailbox: RPCMethod {
        public static let name = "delivery.readMailbox"
        public static let isIdempotent = true
        public typealias Result = Mailbox
        public var tenant: TenantID
        public var mailbox: MailboxID

        public init(tenant: TenantID, mailbox: MailboxID) {
            self.tenant = tenant
            self.mailbox = mailbox
        }
    }

    /// At most 200 mailboxes; those that the tenant has not are left out.
    public struct ReadMailboxes: RPCMethod {
        public static let name = "delivery.readMailboxes"
        public static let isIdempotent = true
        public typealias Result = [Mailbox]
        public var tenant: TenantID
        public var mailboxes: [MailboxID]

        public init(tenant: TenantID, mailboxes: [MailboxID]) {
            self.tenant = tenant
            self.mailboxes = mailboxes
        }
    }

    public struct Mailbox: Codable, Sendable, Equatable {
        public var id: MailboxID
        public var workspace: WorkspaceID
        public var address: String
        public var displayName: String
        /// `active` or `stopped`.
        public var state: String
        public var stateReason: String?

        public init(id: MailboxID, workspace: WorkspaceID, address: String, displayName: String, state: String, stateReason: String?) {
            self.id = id
            self.workspace = workspace
            self.address = address
            self.displayName = displayName
            self.state = state
            self.stateReason = stateReason
        }
    }

    /// What at most 200 mailboxes may still send; those that the tenant has not are left out.
    public struct ReadMailboxBudgets: RPCMethod {
        public static let name = "delivery.readMailboxBudgets"
        public static let isIdempotent = true
        public typealias Result = [MailboxBudget]
        public var tenant: TenantID
        public var mailboxes: [MailboxID]

        public init(tenant: TenantID, mailboxes: [MailboxID]) {
            self.tenant = tenant
            self.mailboxes = mailboxes
        }
    }

    /// A mailbox's limits, and what of them is used; counted from the ledger.
    public struct MailboxBudget: Codable, Sendable, Equatable {
        public struct Usage: Codable, Sendable, Equatable {
            /// The beginning of an hour, UTC.
            public var hour: Date
            public var mails: Int

            public init(hour: Date, mails: Int) {
                self.hour = hour
                self.mails = mails
            }
        }

        public var id: MailboxID
        public var workspace: WorkspaceID
        public var address: String
        /// `active`, `paused` or `stopped`.
        public var state: String
        public var stateReason: String?
        /// Mails in any 24 hours when the days of `ramp` are over; of a warm-up that is paused, as long as it is. Nil is no limit, here and below.
        public var dailyLimit: Int?
        /// Limits of the days to come, today first, while a warm-up runs, if nothing holds it up; empty without one.
        public var ramp: [Int]
        public var hourlyLimit: Int?
        public var gapSeconds: Int
        /// Closed until then by its own pace.
        public var opensAt: Date?
        /// Claimed in the last 24 hours, by hour; oldest first.
        public var usage: [Usage]
        /// Handed over and not yet tried; what a gate holds is not counted.
        public var waiting: Int
        /// 0 to 100.
        public var health: Int

        public init(
            id: MailboxID, workspace: WorkspaceID, address: String, state: String, stateReason: String?, dailyLimit: Int?, ramp: [Int],
            hourlyLimit: Int?, gapSeconds: Int, opensAt: Date?, usage: [Usage], waiting: Int, health: Int
        ) {
            self.id = id
            self.workspace = workspace
            self.address = address
            self.state = state
            self.stateReason = stateReason
            self.dailyLimit = dailyLimit
            self.ramp = ramp
            self.hourlyLimit = hourlyLimit
            self.gapSeconds = gapSeconds
            self.opensAt = opensAt
            self.usage = usage
            self.waiting = waiting
            self.health = health
        }
    }
}
