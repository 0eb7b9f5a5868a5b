public import Foundation

/// Places under a plan's limits: taken before a thing is made, confirmed when it is there, given back when it is gone.
extension BillingRPC {
    /// What a plan limits by number, besides mails.
    public struct Resource: OpenEnum, CaseIterable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let users = Self(rawValue: "users")
        public static let workspaces = Self(rawValue: "workspaces")
        public static let domains = Self(rawValue: "domains")
        public static let mailboxes = Self(rawValue: "mailboxes")
        public static let leads = Self(rawValue: "leads")
        /// Those that Billing counts.
        public static let allCases: [Self] = [.users, .workspaces, .domains, .mailboxes, .leads]
    }

    /// What is known of one limit at a moment.
    public struct ResourceCount: Codable, Sendable, Equatable {
        public var used: Int64
        public var reserved: Int64
        /// Nil is unlimited.
        public var limit: Int64?

        public init(used: Int64, reserved: Int64, limit: Int64?) {
            self.used = used
            self.reserved = reserved
            self.limit = limit
        }
    }

    /// Takes `count` places; the same key has them already and takes none. A reservation that nobody confirms ends ten minutes after it was last
    /// asked for.
    /// Error kinds `limit_reached` (nothing was taken), `access_denied`, `no_entitlement`, `invalid_resource`.
    public struct ReserveResource: RPCMethod {
        public static let name = "billing.reserveResource"
        public static let isIdempotent = true
        public typealias Result = ResourceCount
        public var tenant: TenantID
        public var resource: Resource
        /// The identifier of the thing that is to be made; never used for another one.
        public var key: String
        /// 1 to 10,000.
        public var count: Int64

        public init(tenant: TenantID, resource: Resource, key: String, count: Int64 = 1) {
            self.tenant = tenant
            self.resource = resource
            self.key = key
            self.count = count
        }
    }

    /// Says that the thing is there; saying it twice changes nothing. A key whose reservation has run out, or that never had one, is counted as one
    /// thing, also beyond the limit. Error kind `no_entitlement`.
    public struct ConfirmResource: RPCMethod {
        public static let name = "billing.confirmResource"
        public static let isIdempotent = true
        public typealias Result = Empty
        public var tenant: TenantID
        public var resource: Resource
        public var key: String

        public init(tenant: TenantID, resource: Resource, key: String) {
            self.tenant = tenant
            self.resource = resource
            self.key = key
        }
    }

    /// Says that the thing is gone, or was never made; an unknown key changes nothing.
    public struct ReleaseResource: RPCMethod {
        public static let name = "billing.releaseResource"
        public static let isIdempotent = true
        public typealias Result = Empty
        public var tenant: TenantID
        public var resource: Resource
        public var key: String

        public init(tenant: TenantID, resource: Resource, key: String) {
            self.tenant = tenant
            self.resource = resource
            self.key = key
        }
    }

    /// Says how many there are by the owner's own count, which is then what holds. A count during which somebody made or removed something is
    /// not taken: the next one will be.
    public struct RecountResource: RPCMethod {
        public static let name = "billing.recountResource"
        public static let isIdempotent = true
        public typealias Result = RecountResult
        public var tenant: TenantID
        public var resource: Resource
        public var used: Int64
        /// When the owner began to count.
        public var countedAt: Date

        public init(tenant: TenantID, resource: Resource, used: Int64, countedAt: Date) {
            self.tenant = tenant
            self.resource = resource
            self.used = used
            self.countedAt = countedAt
        }
    }

    public struct RecountResult: Codable, Sendable, Equatable {
        public var isTaken: Bool

        public init(isTaken: Bool) {
            self.isTaken = isTaken
        }
    }
}
