public import Foundation

/// A fact that one service tells everyone; its type carries the wire name.
public protocol Event: Codable, Sendable {
    /// `service.noun.pastTense`.
    static var name: String { get }
    /// Raised when fields are added whose absence matters to a reader.
    static var version: Int { get }
}

extension Event {
    public static var version: Int { 1 }
}

/// What every event says about itself, whatever it tells.
public struct EventHeader: Codable, Sendable, Equatable {
    /// A UUIDv7 whose instant is `occurredAt`.
    public var id: EventID
    public var type: String
    public var version: Int
    /// Nil for what belongs to no tenant, such as a failed sign-in.
    public var tenant: TenantID?
    public var workspace: WorkspaceID?
    public var aggregate: Aggregate?
    public var actor: EventActor
    /// The W3C `traceparent` of the request that caused it.
    public var trace: String?
    public var occurredAt: Date
    /// Present on events that belong in the audit trail.
    public var audit: AuditRecord?

    public init(
        id: EventID, type: String, version: Int, tenant: TenantID?, workspace: WorkspaceID?, aggregate: Aggregate?, actor: EventActor,
        trace: String?, occurredAt: Date, audit: AuditRecord?
    ) {
        self.id = id
        self.type = type
        self.version = version
        self.tenant = tenant
        self.workspace = workspace
        self.aggregate = aggregate
        self.actor = actor
        self.trace = trace
        self.occurredAt = occurredAt
        self.audit = audit
    }
}

/// The thing an event is about; a reader ignores a version lower than one it has seen.
public struct Aggregate: Codable, Sendable, Equatable {
    public var kind: String
    public var id: String
    public var version: Int64

    public init(kind: String, id: String, version: Int64) {
        self.kind = kind
        self.id = id
        self.version = version
    }
}

/// Who did it.
public struct EventActor: Codable, Sendable, Equatable {
    public struct Kind: OpenEnum {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let user = Self(rawValue: "user")
        public static let apiKey = Self(rawValue: "api_key")
        public static let support = Self(rawValue: "support")
        public static let system = Self(rawValue: "system")
    }

    public var kind: Kind
    /// At most 128 bytes.
    public var id: String
    public var name: String?

    public init(kind: Kind, id: String, name: String? = nil) {
        self.kind = kind
        self.id = id
        self.name = name
    }

    public static func user(_ user: UserID, name: String? = nil) -> EventActor {
        EventActor(kind: .user, id: user.description, name: name)
    }

    /// A service acting by itself, by its name.
    public static func system(_ service: String) -> EventActor {
        EventActor(kind: .system, id: service)
    }
}

/// What the audit trail keeps of an event besides its header.
public struct AuditRecord: Codable, Sendable, Equatable {
    public struct Outcome: OpenEnum {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let success = Self(rawValue: "success")
        public static let failure = Self(rawValue: "failure")
        public static let denied = Self(rawValue: "denied")
    }

    public struct Target: Codable, Sendable, Equatable {
        public var type: String
        public var id: String
        public var name: String?

        public init(type: String, id: String, name: String? = nil) {
            self.type = type
            self.id = id
            self.name = name
        }
    }

    public struct Change: Codable, Sendable, Equatable {
        public var path: String
        public var before: String?
        public var after: String?

        public init(path: String, before: String?, after: String?) {
            self.path = path
            self.before = before
            self.after = after
        }
    }

    /// `noun.verb`, lower case.
    public var action: String
    public var outcome: Outcome
    public var targets: [Target]
    public var address: String?
    public var userAgent: String?
    public var request: String?
    public var changes: [Change]
    public var metadata: [String: String]

    public init(
        action: String, outcome: Outcome = .success, targets: [Target], address: String? = nil, userAgent: String? = nil,
        request: String? = nil, changes: [Change] = [], metadata: [String: String] = [:]
    ) {
        self.action = action
        self.outcome = outcome
        self.targets = targets
        self.address = address
        self.userAgent = userAgent
        self.request = request
        self.changes = changes
        self.metadata = metadata
    }
}
