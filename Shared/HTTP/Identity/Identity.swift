public import Contracts

/// Who a request is, as the gateway's identity token says.
public struct Identity: Sendable, Equatable {
    public let tenant: TenantID
    public let user: UserID
    public let name: String
    public let role: Role
    /// Whether the user has proven the address.
    public let isVerified: Bool
    /// The workspaces the user is limited to; nil is all.
    public let workspaces: [WorkspaceID]?
    public let session: SessionID

    public init(
        tenant: TenantID, user: UserID, name: String, role: Role, isVerified: Bool, workspaces: [WorkspaceID]?, session: SessionID
    ) {
        self.tenant = tenant
        self.user = user
        self.name = name
        self.role = role
        self.isVerified = isVerified
        self.workspaces = workspaces
        self.session = session
    }

    /// Whether the user may see and use this workspace.
    public func mayUse(_ workspace: WorkspaceID) -> Bool {
        workspaces?.contains(workspace) ?? true
    }
}

/// What a user may do in a tenant; a later case includes the powers of the earlier ones.
public enum Role: String, Sendable, Codable, CaseIterable, Comparable {
    case viewer, member, admin, owner

    public static func < (left: Role, right: Role) -> Bool {
        left.power < right.power
    }

    private var power: Int {
        switch self {
        case .viewer: 0
        case .member: 1
        case .admin: 2
        case .owner: 3
        }
    }
}
