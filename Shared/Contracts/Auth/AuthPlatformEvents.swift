public import Foundation

/// What companies and the platform's people set about accounts.
extension AuthEvents {
    /// The company asks something else of its people.
    public struct PolicyChanged: Event {
        public static let name = "auth.tenant.policyChanged"
        public var tenant: TenantID

        public init(tenant: TenantID) {
            self.tenant = tenant
        }
    }

    /// One of the platform's people did something to a person's account; `act` is the trail's word for it.
    public struct UserAdministered: Event {
        public static let name = "auth.user.administered"
        public var user: UserID
        public var act: String

        public init(user: UserID, act: String) {
            self.user = user
            self.act = act
        }
    }

    /// A company was suspended, or is let on again; the aggregate's version says which word is the last.
    public struct TenantSuspensionChanged: Event {
        public static let name = "auth.tenant.suspensionChanged"
        public var tenant: TenantID
        public var isSuspended: Bool

        public init(tenant: TenantID, isSuspended: Bool) {
            self.tenant = tenant
            self.isSuspended = isSuspended
        }
    }

    public struct FeatureSwitched: Event {
        public static let name = "auth.feature.switched"
        public var tenant: TenantID
        public var name: String
        public var isEnabled: Bool

        public init(tenant: TenantID, name: String, isEnabled: Bool) {
            self.tenant = tenant
            self.name = name
            self.isEnabled = isEnabled
        }
    }

    /// One of the platform's people stated a reason and may read the company's trail for a while.
    public struct SupportSessionBegun: Event {
        public static let name = "auth.supportSession.begun"
        public var supportSession: UUID

        public init(supportSession: UUID) {
            self.supportSession = supportSession
        }
    }

    /// Before its time was over.
    public struct SupportSessionEnded: Event {
        public static let name = "auth.supportSession.ended"
        public var supportSession: UUID

        public init(supportSession: UUID) {
            self.supportSession = supportSession
        }
    }

    /// Nobody ended it: its time was over.
    public struct SupportSessionExpired: Event {
        public static let name = "auth.supportSession.expired"
        public var supportSession: UUID

        public init(supportSession: UUID) {
            self.supportSession = supportSession
        }
    }
}
