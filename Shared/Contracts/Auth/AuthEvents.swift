public import Foundation

/// What Auth tells everyone.
public enum AuthEvents {
    public struct TenantCreated: Event {
        public static let name = "auth.tenant.created"
        public var tenant: TenantID
        public var name: String

        public init(tenant: TenantID, name: String) {
            self.tenant = tenant
            self.name = name
        }
    }

    public struct UserSignedUp: Event {
        public static let name = "auth.user.signedUp"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    public struct UserVerified: Event {
        public static let name = "auth.user.verified"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    public struct SessionStarted: Event {
        public static let name = "auth.session.started"
        public var user: UserID
        public var session: SessionID

        public init(user: UserID, session: SessionID) {
            self.user = user
            self.session = session
        }
    }

    public struct SessionEnded: Event {
        public static let name = "auth.session.ended"
        public var user: UserID
        public var session: SessionID

        public init(user: UserID, session: SessionID) {
            self.user = user
            self.session = session
        }
    }

    /// Sessions of a user were ended by somebody or something else than their own sign-out.
    public struct SessionsRevoked: Event {
        public static let name = "auth.sessions.revoked"
        public var user: UserID
        public var sessions: [SessionID]

        public init(user: UserID, sessions: [SessionID]) {
            self.user = user
            self.sessions = sessions
        }
    }

    /// Somebody was asked to join the tenant.
    public struct MemberInvited: Event {
        public static let name = "auth.member.invited"
        public var invitation: UUID
        public var role: String

        public init(invitation: UUID, role: String) {
            self.invitation = invitation
            self.role = role
        }
    }

    public struct InvitationRevoked: Event {
        public static let name = "auth.invitation.revoked"
        public var invitation: UUID

        public init(invitation: UUID) {
            self.invitation = invitation
        }
    }

    public struct MemberJoined: Event {
        public static let name = "auth.member.joined"
        public var user: UserID
        public var role: String

        public init(user: UserID, role: String) {
            self.user = user
            self.role = role
        }
    }

    /// A member has another role or other workspaces.
    public struct MemberChanged: Event {
        public static let name = "auth.member.changed"
        public var user: UserID
        public var role: String

        public init(user: UserID, role: String) {
            self.user = user
            self.role = role
        }
    }

    /// A member was removed, or has left.
    public struct MemberRemoved: Event {
        public static let name = "auth.member.removed"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    public struct PasswordForgotten: Event {
        public static let name = "auth.password.forgotten"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    public struct PasswordChanged: Event {
        public static let name = "auth.password.changed"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    public struct ApiKeyCreated: Event {
        public static let name = "auth.apiKey.created"
        public var key: UUID

        public init(key: UUID) {
            self.key = key
        }
    }

    public struct ApiKeyRevoked: Event {
        public static let name = "auth.apiKey.revoked"
        public var key: UUID

        public init(key: UUID) {
            self.key = key
        }
    }

    public struct EmailChangeBegun: Event {
        public static let name = "auth.email.changeBegun"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    public struct EmailChanged: Event {
        public static let name = "auth.email.changed"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    /// A second factor was set up or taken away.
    public struct FactorChanged: Event {
        public static let name = "auth.factor.changed"
        public var user: UserID
        public var isEnabled: Bool

        public init(user: UserID, isEnabled: Bool) {
            self.user = user
            self.isEnabled = isEnabled
        }
    }

    /// A user has become staff of the platform.
    public struct StaffAppointed: Event {
        public static let name = "auth.staff.appointed"
        public var user: UserID
        public var role: String

        public init(user: UserID, role: String) {
            self.user = user
            self.role = role
        }
    }

    /// Carries no address: only a digest under a key of Auth's that lets repeated failures be counted.
    public struct SignInFailed: Event {
        public static let name = "auth.signIn.failed"
        public var addressDigest: String

        public init(addressDigest: String) {
            self.addressDigest = addressDigest
        }
    }

    /// Another name or postal address; the slug never changes.
    public struct WorkspaceChanged: Event {
        public static let name = "auth.workspace.changed"
        public var workspace: WorkspaceID

        public init(workspace: WorkspaceID) {
            self.workspace = workspace
        }
    }

    /// Somebody changed their own name or picture; what it is now stays in Auth.
    public struct ProfileChanged: Event {
        public static let name = "auth.user.profileChanged"
        public var user: UserID

        public init(user: UserID) {
            self.user = user
        }
    }

    public struct TenantRenamed: Event {
        public static let name = "auth.tenant.renamed"
        public var tenant: TenantID
        public var company: String

        public init(tenant: TenantID, company: String) {
            self.tenant = tenant
            self.company = company
        }
    }

    public struct WorkspaceCreated: Event {
        public static let name = "auth.workspace.created"
        public var workspace: WorkspaceID
        public var slug: String

        public init(workspace: WorkspaceID, slug: String) {
            self.workspace = workspace
            self.slug = slug
        }
    }
}
