public import Contracts
public import Foundation

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
    /// The role as one of the platform's staff; nil for everybody else.
    public let staff: String?
    /// The key of a program that acts; nil for people.
    public let apiKey: UUID?
    /// The support session for which one of the platform's staff reads; nil for everybody else.
    public let support: UUID?

    public init(
        tenant: TenantID, user: UserID, name: String, role: String, verified: Bool, workspaces: [WorkspaceID]?, session: SessionID,
        staff: String? = nil, apiKey: UUID? = nil, support: UUID? = nil
    ) {
        self.tenant = tenant
        self.user = user
        self.name = name
        self.role = role
        self.verified = verified
        self.workspaces = workspaces
        self.session = session
        self.staff = staff
        self.apiKey = apiKey
        self.support = support
    }
}
