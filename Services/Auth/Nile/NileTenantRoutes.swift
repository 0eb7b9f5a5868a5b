import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// Companies, their people and invitations in Nile's words; ``Members`` does the work, with the rights of the person in that company.
struct NileTenantRoutes {
    /// How many people an answer names; Nile has no pages.
    private static let limit = 1_000

    let members: Members
    let sessions: Sessions
    let directory: NileDirectory
    let tenants: Tenants
    let guardian: SessionGuard
    let crossSite: NileCrossSite

    func add(to router: Router<AppContext>) {
        for prefix in NileAnswer.prefixes {
            let nile = router.group(RouterPath(prefix))
            nile.get("users/{id}/tenants") { request, context in
                try await NileAnswer.plainly { try await tenants(of: try context.identifier("id", as: UserID.self), request) }
            }
            nile.get("tenants") { request, _ in
                try await NileAnswer.plainly { try await tenants(of: nil, request) }
            }
            nile.post("tenants") { request, context in
                try await NileAnswer.plainly { try await found(request, context) }
            }
            nile.get("tenants/{id}") { request, context in
                try await NileAnswer.plainly { try await tenant(request, context) }
            }
            nile.put("tenants/{id}") { request, context in
                try await NileAnswer.plainly { try await rename(request, context) }
            }
            nile.get("tenants/{id}/users") { request, context in
                try await NileAnswer.plainly { try await people(request, context) }
            }
            // The SDK calls the one, Nile's own server has the other.
            for suffix in ["", "/link"] {
                nile.put(RouterPath("tenants/{id}/users/{uid}" + suffix)) { request, context in
                    try await NileAnswer.plainly { try await change(request, context) }
                }
                nile.delete(RouterPath("tenants/{id}/users/{uid}" + suffix)) { request, context in
                    try await NileAnswer.plainly { try await remove(request, context) }
                }
            }
            nile.get("tenants/{id}/invites") { request, context in
                try await NileAnswer.plainly { try await invitations(request, context) }
            }
            nile.post("tenants/{id}/invite") { request, context in
                try await NileAnswer.plainly { try await invite(request, context) }
            }
            nile.delete("tenants/{id}/invite/{iid}") { request, context in
                try await NileAnswer.plainly { try await revoke(request, context) }
            }
        }
    }

    /// The company that pages show. Scripts read it, and nothing here ever believes it; nil removes it.
    static func tenantCookie(_ tenant: TenantID?) -> String {
        "nile.tenant-id=\(tenant?.description ?? ""); Path=/; Secure; SameSite=Lax" + (tenant == nil ? "; Max-Age=0" : "")
    }

    // MARK: - Companies

    /// One's own; `user` must be oneself.
    private func tenants(of user: UserID?, _ request: Request) async throws -> Response {
        let session = try await guardian.session(of: request)
        guard user == nil || user == session.user else { throw Problem.unauthenticated }
        let list = try await sessions.memberships(of: session).map { Self.row($0.tenant, $0.tenantName) }
        return try NileAnswer.json(.list(list), cookies: user == nil ? [] : [Self.tenantCookie(session.tenant)])
    }

    private func found(_ request: Request, _ context: AppContext) async throws -> Response {
        let session = try await guardian.session(of: request)
        let body = try await NileBody.read(request)
        try crossSite.require(request.headers, body)
        try Self.requireVerified(session.isVerified)
        // The identifier is ours to give, so the SDK's `id` is not read.
        let name = try AccountRoutes.words(body["name"] ?? "", field: "name")
        guard let tenant = try await tenants.found(name, by: session, audit: { context.audit($0, targets: $1, changes: $2) }) else {
            throw Problem.conflict(
                kind: "too_many_companies", title: "You own as many companies as one person may.",
                detail: "One person may own \(Tenants.maximumOwned) companies.")
        }
        return try NileAnswer.json(Self.row(tenant, name), status: .created)
    }

    private func tenant(_ request: Request, _ context: AppContext) async throws -> Response {
        let (session, identity) = try await member(request, context)
        guard let membership = try await sessions.memberships(of: session).first(where: { $0.tenant == identity.tenant }) else {
            throw Problem.unauthenticated
        }
        return try NileAnswer.json(Self.row(membership.tenant, membership.tenantName))
    }

    private func rename(_ request: Request, _ context: AppContext) async throws -> Response {
        let (_, identity) = try await member(request, context, atLeast: .admin)
        let body = try await NileBody.read(request)
        try crossSite.require(request.headers, body)
        let name = try AccountRoutes.words(body["name"] ?? "", field: "name")
        try await tenants.rename(to: name, by: identity) { context.audit($0, targets: $1, changes: $2) }
        return try NileAnswer.json(Self.row(identity.tenant, name))
    }

    // MARK: - People

    private func people(_ request: Request, _ context: AppContext) async throws -> Response {
        let (_, identity) = try await member(request, context)
        let list = try await members.list(for: identity, after: nil, limit: Self.limit)
        return try NileAnswer.json(.list(list.map(Self.person)))
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let (session, identity) = try await member(request, context)
        let user = try context.identifier("uid", as: UserID.self, called: "member")
        let body = try await NileBody.read(request, lists: ["roles"])
        try crossSite.require(request.headers, body)
        guard let role = (body["roles"] ?? body["role"]).flatMap(Role.init(rawValue:)) else {
            throw Problem.invalid("roles must hold one of viewer, member, admin and owner.", field: "roles")
        }
        let changed = try await members.change(
            user, to: role, workspaces: .asBefore, by: identity, isFresh: session.isFresh(guardian.clock.now),
            audit: { context.audit($0, targets: $1, metadata: $2) })
        return try NileAnswer.json(Self.person(changed), status: .created)
    }

    private func remove(_ request: Request, _ context: AppContext) async throws -> Response {
        let (session, identity) = try await member(request, context)
        let user = try context.identifier("uid", as: UserID.self, called: "member")
        try crossSite.require(request.headers, try await NileBody.read(request))
        try await members.remove(
            user, by: identity, isFresh: session.isFresh(guardian.clock.now), audit: { context.audit($0, targets: $1, metadata: $2) })
        return NileAnswer.empty(.noContent)
    }

    // MARK: - Invitations

    private func invitations(_ request: Request, _ context: AppContext) async throws -> Response {
        let (_, identity) = try await member(request, context, atLeast: .admin)
        let list = try await members.invitations(for: identity)
        return try NileAnswer.json(.list(list.map { Self.invitation($0, of: identity.tenant) }))
    }

    private func invite(_ request: Request, _ context: AppContext) async throws -> Response {
        let (_, identity) = try await member(request, context, atLeast: .admin)
        let body = try await NileBody.read(request, lists: ["roles"])
        try crossSite.require(request.headers, body)
        try Self.requireVerified(identity.isVerified)
        guard let email = body["identifier"].flatMap(EmailAddress.init) else {
            throw Problem.invalid("identifier must be one plain address, such as you@example.com.", field: "identifier")
        }
        // Nile has no roles here; whoever names none means an ordinary colleague.
        guard let role = Role(rawValue: body["roles"] ?? body["role"] ?? Role.member.rawValue) else {
            throw Problem.invalid("roles must hold one of viewer, member and admin.", field: "roles")
        }
        let invitation = try await members.invite(
            email, as: role, workspaces: nil, by: identity, audit: { context.audit($0, targets: $1, metadata: $2) })
        return try NileAnswer.json(Self.invitation(invitation, of: identity.tenant), status: .created)
    }

    private func revoke(_ request: Request, _ context: AppContext) async throws -> Response {
        let (_, identity) = try await member(request, context, atLeast: .admin)
        try crossSite.require(request.headers, try await NileBody.read(request))
        guard let id = context.parameters.get("iid").flatMap({ UUID(text: $0) }),
            try await members.revokeInvitation(id, by: identity, audit: { context.audit($0, targets: $1, metadata: $2) })
        else { throw Problem.notFound("invitation") }
        return NileAnswer.empty(.noContent)
    }

    // MARK: - Help

    /// Who is signed in and works in the company of the path. A stranger gets Nile's 401, the same whether or not there is such a company.
    private func member(_ request: Request, _ context: AppContext, atLeast role: Role = .viewer) async throws -> (Session, Identity) {
        let session = try await guardian.session(of: request)
        guard let tenant = context.parameters.get("id").flatMap({ TenantID($0) }),
            let identity = try await directory.identity(of: session, in: tenant)
        else { throw Problem.unauthenticated }
        guard identity.role >= role else { throw Problem.forbidden("This needs the role \(role.rawValue) or above.") }
        return (session, identity)
    }

    private static func requireVerified(_ isVerified: Bool) throws(Problem) {
        guard isVerified else { throw Problem.forbidden("Confirm your address first.") }
    }

    private static func row(_ tenant: TenantID, _ name: String) -> NileValue {
        .object(["id": .text(tenant.description), "name": .text(name)])
    }

    private static func person(_ member: Member) -> NileValue {
        .object([
            "id": .text(member.user.description), "email": .text(member.email), "name": .text(member.name),
            "roles": .list([.text(member.role.rawValue)]), "created": .instant(member.joinedAt),
        ])
    }

    /// Never the token: it is in the mail, and nowhere else.
    private static func invitation(_ invitation: Invitation, of tenant: TenantID) -> NileValue {
        .object([
            "id": .text(invitation.id.description), "tenant_id": .text(tenant.description), "identifier": .text(invitation.address),
            "roles": .list([.text(invitation.role.rawValue)]), "created": .instant(invitation.createdAt), "expires": .instant(invitation.expiresAt),
        ])
    }
}
