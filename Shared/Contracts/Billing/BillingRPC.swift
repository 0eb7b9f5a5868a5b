public import Foundation

/// What others may ask Billing.
public enum BillingRPC {
    /// Takes `count` mails out of the tenant's quota; the same key answers with the same reservation.
    /// Error kinds `quota_exceeded` (nothing was reserved), `no_entitlement`.
    public struct ReserveMail: RPCMethod {
        public static let name = "billing.reserveMail"
        public static let isIdempotent = true
        public typealias Result = Reservation
        public var tenant: TenantID
        /// Chosen by the caller; names the batch for ever.
        public var key: String
        /// 1 to 500.
        public var count: Int64

        public init(tenant: TenantID, key: String, count: Int64) {
            self.tenant = tenant
            self.key = key
            self.count = count
        }
    }

    public struct Reservation: Codable, Sendable, Equatable {
        public var id: ReservationID
        public var count: Int64
        public var used: Int64
        public var released: Int64
        /// The end of the period the mails were taken from.
        public var periodEnd: Date

        public init(id: ReservationID, count: Int64, used: Int64, released: Int64, periodEnd: Date) {
            self.id = id
            self.count = count
            self.used = used
            self.released = released
            self.periodEnd = periodEnd
        }
    }

    /// Says how many of a reservation's mails were used so far; a lower number than before changes nothing.
    /// Error kinds `reservation_not_found`, `reservation_overdrawn`.
    public struct ConfirmMail: RPCMethod {
        public static let name = "billing.confirmMail"
        public static let isIdempotent = true
        public typealias Result = Reservation
        public var tenant: TenantID
        public var reservation: ReservationID
        /// Cumulative.
        public var used: Int64

        public init(tenant: TenantID, reservation: ReservationID, used: Int64) {
            self.tenant = tenant
            self.reservation = reservation
            self.used = used
        }
    }

    /// Says how many of a reservation's mails will never be sent; a lower number than before changes nothing.
    /// Error kinds as ``ConfirmMail``.
    public struct ReleaseMail: RPCMethod {
        public static let name = "billing.releaseMail"
        public static let isIdempotent = true
        public typealias Result = Reservation
        public var tenant: TenantID
        public var reservation: ReservationID
        /// Cumulative.
        public var released: Int64

        public init(tenant: TenantID, reservation: ReservationID, released: Int64) {
            self.tenant = tenant
            self.reservation = reservation
            self.released = released
        }
    }

    /// What the tenant may do now; error kind `no_entitlement`.
    public struct ReadEntitlements: RPCMethod {
        public static let name = "billing.readEntitlements"
        public static let isIdempotent = true
        public typealias Result = Entitlements
        public var tenant: TenantID

        public init(tenant: TenantID) {
            self.tenant = tenant
        }
    }

    public struct Access: OpenEnum {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let full = Self(rawValue: "full")
        public static let grace = Self(rawValue: "grace")
        public static let readOnly = Self(rawValue: "read_only")
        public static let cancelled = Self(rawValue: "cancelled")
    }

    public struct Entitlements: Codable, Sendable, Equatable {
        public var plan: String
        public var access: Access
        public var periodStart: Date
        public var periodEnd: Date
        public var mailsPerPeriod: Int64
        public var mailsUsed: Int64
        public var mailsReserved: Int64
        /// Nil is unlimited, here and below.
        public var users: Int64?
        public var workspaces: Int64?
        public var domains: Int64?
        public var mailboxes: Int64?
        public var leads: Int64?
        /// Of all API keys together.
        public var apiCallsPerMinute: Int64?

        public init(
            plan: String, access: Access, periodStart: Date, periodEnd: Date, mailsPerPeriod: Int64, mailsUsed: Int64, mailsReserved: Int64,
            users: Int64?, workspaces: Int64?, domains: Int64?, mailboxes: Int64?, leads: Int64?,
            apiCallsPerMinute: Int64? = nil
        ) {
            self.plan = plan
            self.access = access
            self.periodStart = periodStart
            self.periodEnd = periodEnd
            self.mailsPerPeriod = mailsPerPeriod
            self.mailsUsed = mailsUsed
            self.mailsReserved = mailsReserved
            self.users = users
            self.workspaces = workspaces
            self.domains = domains
            self.mailboxes = mailboxes
            self.leads = leads
            self.apiCallsPerMinute = apiCallsPerMinute
        }
    }
}
