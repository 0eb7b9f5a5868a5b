public import Foundation

/// What others may ask Auth.
public enum AuthRPC {
    /// A workspace of a tenant; error kind `workspace_not_found`.
    public struct ReadWorkspace: RPCMethod {
        public static let name = "auth.readWorkspace"
        public static let isIdempotent = true
        public typealias Result = Workspace
        public var tenant: TenantID
        public var workspace: WorkspaceID

        public init(tenant: TenantID, workspace: WorkspaceID) {
            self.tenant = tenant
            self.workspace = workspace
        }
    }

    /// Which of these sessions (of people or keys), and of these support sessions, still live; for whoever keeps something open for them.
    public struct LivingSessions: RPCMethod {
        public static let name = "auth.livingSessions"
        public static let isIdempotent = true
        public var sessions: [SessionID]
        /// Nil from callers that know none.
        public var supportSessions: [UUID]?

        public init(sessions: [SessionID], supportSessions: [UUID]? = nil) {
            self.sessions = sessions
            self.supportSessions = supportSessions
        }

        public struct Result: Codable, Sendable {
            public var living: [SessionID]
            /// Nil where none were asked about.
            public var livingSupport: [UUID]?

            public init(living: [SessionID], livingSupport: [UUID]? = nil) {
                self.living = living
                self.livingSupport = livingSupport
            }
        }
    }

    public struct Workspace: Codable, Sendable, Equatable {
        public var id: WorkspaceID
        public var name: String
        public var slug: String
        /// The postal address that commercial mail must carry; nil until it was given.
        public var postalAddress: String?

        public init(id: WorkspaceID, name: String, slug: String, postalAddress: String?) {
            self.id = id
            self.name = name
            self.slug = slug
            self.postalAddress = postalAddress
        }
    }
}
