public import Contracts

/// What Auth vouches for about the person behind a request.
public struct IdentityClaims: Codable, Sendable, Equatable {
    public let tenant: TenantID
    public let user: UserID
    public let name: String
    public let role: String
    public let verified: Bool
    /// Nil is all.
    public let workspaces: [WorkspaceID]?
    public let session: SessionID

    public init(
        tenant: TenantID, user: UserID, name: String, role: String, verified: Bool, workspaces: [WorkspaceID]?, session: SessionID
    ) {
        self.tenant = tenant
        self.user = user
        self.name = name
        self.role = role
        self.verified = verified
        self.workspaces = workspaces
        self.session = session
    }
}
