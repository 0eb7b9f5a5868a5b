public import Contracts
public import Foundation

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
    /// What the user may do to the platform, as one of its operator's people; nil for everybody else.
    public let staff: StaffRole?
    /// The key of a program that acts for the tenant; nil for people. `user` is then who made the key, `name` the key's own.
    public let apiKey: UUID?
    /// The support session for which one of the platform's staff reads another company's trail; `tenant` is then that company.
    public let support: UUID?

    public init(
        tenant: TenantID, user: UserID, name: String, role: Role, isVerified: Bool, workspaces: [WorkspaceID]?, session: SessionID,
        staff: StaffRole? = nil, apiKey: UUID? = nil, support: UUID? = nil
    ) {
        self.tenant = tenant
        self.user = user
        self.name = name
        self.role = role
        self.isVerified = isVerified
        self.workspaces = workspaces
        self.session = session
        self.staff = staff
        self.apiKey = apiKey
        self.support = support
    }

    /// Who does something, for events and the trail.
    public var actor: EventActor {
        if let apiKey { return EventActor(kind: .apiKey, id: apiKey.text, name: name) }
        if support != nil { return EventActor(kind: .support, id: user.description, name: name) }
        return .user(user, name: name)
    }

    /// Whether the user may see and use this workspace.
    public func mayUse(_ workspace: WorkspaceID) -> Bool {
        workspaces?.contains(workspace) ?? true
    }
}

/// What a person of the platform's operator may do.
public enum StaffRole: String, Sendable, Codable, CaseIterable {
    case superAdmin = "super_admin"
    case support, finance, ops
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
