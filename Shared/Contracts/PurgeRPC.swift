/// Asks a service to remove what it keeps of a company, or of one of its workspaces: a batch a call, until nothing is left.
///
/// Asking twice does no harm: what is gone is gone, and then the answer is that all is done.
public protocol PurgeMethod: RPCMethod where Result == PurgeResult {
    var tenant: TenantID { get }
    /// Nil for the whole company.
    var workspace: WorkspaceID? { get }
}

extension PurgeMethod {
    public static var isIdempotent: Bool { true }
    public static var deadline: Duration { .seconds(30) }
}

/// How far a purge has come.
public struct PurgeResult: Codable, Sendable, Equatable {
    /// Nothing is left; otherwise the caller asks again.
    public var isDone: Bool

    public init(isDone: Bool) {
        self.isDone = isDone
    }
}

extension DeliveryRPC {
    public struct Purge: PurgeMethod {
        public static let name = "delivery.purge"
        public typealias Result = PurgeResult
        public var tenant: TenantID
        public var workspace: WorkspaceID?

        public init(tenant: TenantID, workspace: WorkspaceID?) {
            self.tenant = tenant
            self.workspace = workspace
        }
    }
}

extension CampaignsRPC {
    public struct Purge: PurgeMethod {
        public static let name = "campaigns.purge"
        public typealias Result = PurgeResult
        public var tenant: TenantID
        public var workspace: WorkspaceID?

        public init(tenant: TenantID, workspace: WorkspaceID?) {
            self.tenant = tenant
            self.workspace = workspace
        }
    }
}

extension AuditRPC {
    public struct Purge: PurgeMethod {
        public static let name = "audit.purge"
        public typealias Result = PurgeResult
        public var tenant: TenantID
        public var workspace: WorkspaceID?

        public init(tenant: TenantID, workspace: WorkspaceID?) {
            self.tenant = tenant
            self.workspace = workspace
        }
    }
}

extension BillingRPC {
    public struct Purge: PurgeMethod {
        public static let name = "billing.purge"
        public typealias Result = PurgeResult
        public var tenant: TenantID
        public var workspace: WorkspaceID?

        public init(tenant: TenantID, workspace: WorkspaceID?) {
            self.tenant = tenant
            self.workspace = workspace
        }
    }

    /// Ends the tenant's subscription for good; one that has ended, or was never there, stays as it is.
    public struct CancelSubscription: RPCMethod {
        public static let name = "billing.cancelSubscription"
        public static let isIdempotent = true
        /// Stripe is asked first.
        public static let deadline = Duration.seconds(30)
        public typealias Result = Empty
        public var tenant: TenantID

        public init(tenant: TenantID) {
            self.tenant = tenant
        }
    }
}
