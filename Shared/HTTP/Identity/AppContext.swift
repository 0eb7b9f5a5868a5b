public import Contracts
import HTTPTypes
public import Hummingbird
import Logging
import Primitives

/// What a handler knows of the request besides its body: who asks, from where, under which request id.
public struct AppContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    public var identity: Identity?
    public var requestID: String
    public var traceparent: String?
    public var clientAddress: String?
    public var userAgent: String?

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        requestID = "-"
    }

    /// The headers that the gateway sets; only it can reach a service's public listener.
    mutating func readFacts(of request: Request) {
        requestID = request.headers[.requestID] ?? "-"
        traceparent = TraceContext.traceparent ?? request.headers[.traceparent]
        clientAddress = request.headers[.realAddress]
        userAgent = request.headers[.userAgent].map { String($0.prefix(512)) }
        logger[metadataKey: "request_id"] = "\(requestID)"
    }

    /// Whoever is signed in, or a 401.
    public func requireIdentity() throws(Problem) -> Identity {
        guard let identity else { throw Problem.unauthenticated }
        return identity
    }

    /// Whoever is signed in with at least this role, or a 401 or 403.
    public func require(atLeast role: Role) throws(Problem) -> Identity {
        let identity = try requireIdentity()
        guard identity.role >= role else { throw Problem.forbidden("This needs the role \(role.rawValue) or above.") }
        return identity
    }

    /// Whoever is signed in and may use this workspace with at least this role; a foreign workspace is a 404.
    public func require(atLeast role: Role, in workspace: WorkspaceID) throws(Problem) -> Identity {
        let identity = try require(atLeast: role)
        guard identity.mayUse(workspace) else { throw Problem.notFound("workspace") }
        return identity
    }

    /// Whoever is signed in as staff with one of these roles or as super_admin, or a 401 or 403.
    public func require(staff roles: StaffRole...) throws(Problem) -> Identity {
        let identity = try requireIdentity()
        guard let role = identity.staff, role == .superAdmin || roles.contains(role) else {
            throw Problem.forbidden("This is for the platform's staff.")
        }
        return identity
    }

    /// The path parameter as an identifier; anything else cannot exist, so it is the 404 of such a thing. `noun`: what people call it, where its
    /// type does not say so.
    public func identifier<Kind>(_ name: String, as type: EntityID<Kind>.Type, called noun: String? = nil) throws(Problem) -> EntityID<Kind> {
        guard let text = parameters.get(name), let identifier = EntityID<Kind>(text) else { throw Problem.notFound(noun ?? type.noun) }
        return identifier
    }

    /// Who does what this request asks for.
    public var actor: EventActor {
        identity?.actor ?? EventActor(kind: .system, id: "anonymous")
    }

    /// An entry for the audit trail that says where the request came from.
    public func audit(
        _ action: String, outcome: AuditRecord.Outcome = .success, targets: [AuditRecord.Target],
        changes: [AuditRecord.Change] = [], metadata: [String: String] = [:]
    ) -> AuditRecord {
        AuditRecord(
            action: action, outcome: outcome, targets: targets, address: clientAddress, userAgent: userAgent, request: requestID,
            changes: changes, metadata: metadata)
    }
}

extension EntityID {
    /// What people call such a thing: of `MailboxKind` a mailbox, of `SupportSessionKind` a support session.
    static var noun: String {
        if Kind.self == TenantKind.self { return "company" }
        let name = String(describing: Kind.self)
        return (name.hasSuffix("Kind") ? String(name.dropLast(4)) : name).reduce(into: "") { words, letter in
            if letter.isUppercase, !words.isEmpty { words += " " }
            words += letter.lowercased()
        }
    }
}
