import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// The people of a company: list, roles, removal, ownership, invitations.
struct MemberRoutes {
    let members: Members
    let rules: PasswordRules
    let guardian: SessionGuard
    let crossSite: CrossSiteCheck

    private struct ChangeRequest: Decodable {
        let role: Role
        let workspaces: [WorkspaceID]?
    }

    private struct InviteRequest: Decodable {
        let email: String
        let role: Role
        let workspaces: [WorkspaceID]?
    }

    private struct TransferRequest: Decodable {
        let user: UserID
    }

    private struct AcceptRequest: Decodable {
        let token: String
        let name: String?
        let password: String?
    }

    private struct OfferAnswer: Encodable {
        let company: String
        let email: String
        let role: Role
        let hasAccount: Bool
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/users") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let list = try await members.list(for: identity, after: try page.after(Member.Place.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { $0.place })
        }
        router.patch("/api/v1/users/{id}") { request, context in try await change(request, context) }
        router.delete("/api/v1/users/{id}") { request, context in try await remove(request, context) }
        router.post("/api/v1/tenants/current/transfer-ownership") { request, context in try await transfer(request, context) }
        router.get("/api/v1/invitations") { request, context in
            let identity = try context.require(atLeast: .admin)
            let page = try PageRequest(request, standard: 200)
            let list = try await members.invitations(
                for: identity, before: try page.after(EntityID<Invitation>.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/invitations") { request, context in try await invite(request, context) }
        router.delete("/api/v1/invitations/{id}") { _, context in
            let identity = try context.require(atLeast: .admin)
            guard let id = context.parameters.get("id").flatMap({ UUID(text: $0) }),
                try await members.revokeInvitation(id, by: identity, audit: context.memberAudit)
            else { throw Problem.notFound("invitation") }
            return Response(status: .noContent)
        }
        router.get("/api/v1/auth/invitation") { request, _ in
            guard let token = request.uri.queryParameters["token"].map(String.init), !token.isEmpty else {
                throw Problem.invalid("token must be the one of the mailed link.", field: "token")
            }
            guard let offer = try await members.offer(token) else { throw Self.gone }
            return try Response.json(
                OfferAnswer(company: offer.company, email: offer.address, role: offer.role, hasAccount: offer.hasAccount))
        }
        router.post("/api/v1/auth/invitation/accept") { request, context in try await accept(request, context) }
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        let user = try context.identifier("id", as: UserID.self, called: "member")
        let input = try await request.json(ChangeRequest.self)
        let workspaces = try checked(input.workspaces, for: input.role)
        return try Response.json(
            try await explained {
                try await members.change(
                    user, to: input.role, workspaces: .to(workspaces), by: identity, isFresh: try await guardian.isFresh(request),
                    audit: context.memberAudit)
            })
    }

    private func remove(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireIdentity()
        let user = try context.identifier("id", as: UserID.self, called: "member")
        try await explained {
            try await members.remove(user, by: identity, isFresh: try await guardian.isFresh(request), audit: context.memberAudit)
        }
        return Response(status: .noContent)
    }

    private func transfer(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .owner)
        _ = try await guardian.freshSession(of: request)
        let input = try await request.json(TransferRequest.self)
        try await explained { try await members.transferOwnership(to: input.user, by: identity, audit: context.memberAudit) }
        return Response(status: .noContent)
    }

    private func invite(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        guard identity.isVerified else {
            throw Problem(
                .forbidden, kind: "unverified", title: "Confirm your address first.", detail: "Whoever invites others has a confirmed address.")
        }
        let input = try await request.json(InviteRequest.self)
        guard let email = EmailAddress(input.email) else {
            throw Problem.invalid("email must be one plain address, such as you@example.com.", field: "email")
        }
        let workspaces = try checked(input.workspaces, for: input.role)
        let invitation = try await explained {
            try await members.invite(email, as: input.role, workspaces: workspaces, by: identity, audit: context.memberAudit)
        }
        return try .json(invitation, status: .created)
    }

    private func accept(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(AcceptRequest.self)
        let invitee: Members.Invitee
        if let name = input.name, let password = input.password {
            let subject = try await members.offer(input.token).map { PasswordRules.Subject.joining($0.tenant) } ?? .newcomer
            invitee = .new(
                name: try AccountRoutes.words(name, field: "name"), password: try await rules.checked(password, field: "password", for: subject))
        } else {
            invitee = .known(try await guardian.session(of: request))
        }
        do {
            try await busyIsUnavailable {
                try await explained { try await members.accept(input.token, by: invitee, audit: context.memberAudit) }
            }
        } catch Members.Acceptance.gone {
            throw Self.gone
        } catch Members.Acceptance.signInFirst {
            throw Problem.conflict(
                kind: "sign_in_first", title: "The invited address has an account.", detail: "Sign in with it, then take the invitation up.")
        }
        return try .json(StatusAnswer(status: "joined"))
    }

    /// Owners and admins see everything; a limit would not hold them.
    private func checked(_ workspaces: [WorkspaceID]?, for role: Role) throws(Problem) -> [WorkspaceID]? {
        guard let workspaces else { return nil }
        guard role < .admin, (1...1_000).contains(workspaces.count) else {
            throw Problem.invalid("workspaces limits members and viewers, to 1 to 1000 of them.", field: "workspaces")
        }
        return workspaces
    }

    private func explained<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as MembershipError {
            throw Self.problem(error)
        }
    }

    private static let gone = Problem.unprocessable(
        kind: "invitation_gone", title: "This invitation is no longer good.",
        detail: "Invitations are good for seven days and for one use; ask for a new one.")

    static func problem(_ error: MembershipError) -> Problem {
        switch error {
        case .notFound: .notFound("member")
        case .notAllowed: .forbidden("Admins manage members, owners manage owners.")
        case .lastOwner:
            .conflict(kind: "last_owner", title: "A company needs an owner.", detail: "Make somebody else owner first.")
        case .stepUpRequired: .stepUpRequired
        case .noSeats:
            .unprocessable(kind: "no_seats", title: "The plan has no seat left.", detail: "Remove somebody or an invitation, or take a larger plan.")
        case .unknownWorkspace:
            .unprocessable(kind: "workspace_not_found", title: "There is no such workspace.", detail: "Name workspaces of this company.")
        case .alreadyMember: .conflict(kind: "already_member", title: "This address belongs to a member.")
        case .alreadyInvited: .conflict(kind: "already_invited", title: "This address has an open invitation.")
        }
    }
}

extension AppContext {
    /// For the trail, with where the request came from.
    fileprivate var memberAudit: Members.Audit {
        { audit($0, targets: $1, metadata: $2) }
    }
}
