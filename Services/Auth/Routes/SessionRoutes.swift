import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Signing in and out, and the token that proves a request is our own page's.
struct SessionRoutes {
    let sessions: Sessions
    let crossSite: CrossSiteCheck
    let guardian: SessionGuard

    private struct TenantAnswer: Encodable {
        let id: TenantID
        let name: String
        let role: String

        init(_ membership: Membership) {
            id = membership.tenant
            name = membership.tenantName
            role = membership.role
        }
    }

    private struct SwitchRequest: Decodable {
        let tenant: TenantID
    }

    private struct StepUpRequest: Decodable {
        let password: String
    }

    private struct RevokeRequest: Decodable {
        let scope: String
    }

    /// The password was right; POST the code to /api/v1/auth/sign-in/factor.
    private struct FactorNeeded: Encodable {
        let status = "factor_required"
        let challenge: String
    }

    struct SignInRequest: Decodable {
        let email: String
        let password: String
    }

    /// Who is signed in.
    struct SessionAnswer: Encodable {
        struct Person: Encodable {
            let id: UserID
            let email: String
            let name: String
            let verified: Bool
        }
        struct Company: Encodable {
            let id: TenantID
            let name: String
        }
        let user: Person
        let tenant: Company
        let role: String
        /// The role as one of the operator's people, if any.
        let staffRole: String?
        /// Those that the person is limited to; left out for all.
        let workspaces: [WorkspaceID]?
        let expiresAt: Date

        init(_ session: Session) {
            user = Person(id: session.user, email: session.email, name: session.name, verified: session.isVerified)
            tenant = Company(id: session.tenant, name: session.tenantName)
            role = session.role
            staffRole = session.staffRole
            workspaces = session.workspaces
            expiresAt = session.expiresAt
        }
    }

    private struct TokenAnswer: Encodable {
        let csrfToken: String
    }

    func add(to router: Router<AppContext>) {
        let auth = router.group("/api/v1/auth")
        auth.get("csrf") { request, _ in try token(request) }
        auth.post("sign-in") { request, context in try await signIn(request, context) }
        auth.post("sign-out") { request, context in try await signOut(request, context) }
        auth.post("step-up") { request, context in try await stepUp(request, context) }
        auth.get("sessions") { request, _ in
            let session = try await guardian.session(of: request)
            let page = try PageRequest(request, standard: 200)
            let list = try await sessions.list(of: session, after: try page.after(SessionView.Place.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { $0.place })
        }
        auth.get("tenants") { request, _ in
            let session = try await guardian.session(of: request)
            let list = try await sessions.memberships(of: session)
            return try Response.json(Page(list.map(TenantAnswer.init), limit: max(1, list.count)) { $0.id })
        }
        auth.post("switch-tenant") { request, context in try await switchTenant(request, context) }
        auth.delete("sessions/{id}") { request, context in try await revoke(request, context) }
        auth.post("sessions/revoke") { request, context in try await revokeAll(request, context) }
        auth.get("session") { request, _ in try await who(request) }
    }

    /// Who is signed in. That nobody is, is a 401, or with `optional=true` a 204: a page that only wants to know whether somebody is has then made no
    /// mistake that its browser would note.
    private func who(_ request: Request) async throws -> Response {
        let optional = request.uri.queryParameters["optional"]
        guard optional == nil || optional == "true" || optional == "false" else {
            throw Problem.invalid("optional must be true or false.", field: "optional")
        }
        guard let token = RequestCookies(request.headers).session, let session = try await sessions.find(token) else {
            guard optional == "true" else { throw Problem.unauthenticated }
            return Response(status: .noContent, headers: [.cacheControl: "no-store"])
        }
        return try Response.json(SessionAnswer(session))
    }

    private func token(_ request: Request) throws -> Response {
        if let known = crossSite.token(in: RequestCookies(request.headers)) {
            return try .json(TokenAnswer(csrfToken: known))
        }
        let (token, cookie) = try crossSite.issue(for: RequestCookies(request.headers).session)
        return try .json(TokenAnswer(csrfToken: token), headers: [.setCookie: cookie])
    }

    private func signIn(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(SignInRequest.self)
        let result = try await busyIsUnavailable {
            try await sessions.signIn(
                EmailAddress(input.email), password: Password(entered: input.password), replacing: RequestCookies(request.headers).session,
                origin: .init(address: context.clientAddress, userAgent: context.userAgent),
                audit: { context.audit($0, outcome: $1, targets: $2) })
        }
        switch result {
        case .started(let started): return try Self.answer(started)
        case .needsFactor(let challenge): return try .json(FactorNeeded(challenge: challenge), status: .accepted)
        case .refused: throw Problem(.unauthorized, kind: "sign_in_failed", title: "The address or the password is wrong.")
        case .barred: throw Problem.barred
        }
    }

    /// Says who is signed in, and sets the cookie.
    static func answer(_ started: Sessions.Started) throws -> Response {
        let cookie = SessionToken.cookie(started.token, now: started.session.lastSeenAt, expiry: started.session.expiresAt)
        return try .json(SessionAnswer(started.session), headers: [.setCookie: cookie])
    }

    private func stepUp(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(StepUpRequest.self)
        let session = try await guardian.session(of: request)
        let token = try await busyIsUnavailable {
            try await sessions.stepUp(session, password: Password(entered: input.password), client: context.clientAddress) {
                context.audit($0, outcome: $1, targets: $2)
            }
        }
        guard let token else { throw Problem.wrongPassword }
        return Response(status: .noContent, headers: [.setCookie: guardian.cookie(token, of: session)])
    }

    private func switchTenant(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let session = try await guardian.session(of: request)
        let tenant = try await request.json(SwitchRequest.self).tenant
        guard let token = try await sessions.enter(tenant, session, audit: { context.audit($0, outcome: $1, targets: $2) }) else {
            throw Problem.notFound("company")
        }
        return Response(status: .noContent, headers: [.setCookie: guardian.cookie(token, of: session)])
    }

    private func revoke(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let session = try await guardian.session(of: request)
        let target = try context.identifier("id", as: SessionID.self)
        guard try await sessions.revoke(target, by: session, audit: { context.audit($0, outcome: $1, targets: $2) }) else {
            throw Problem.notFound("session")
        }
        return Response(status: .noContent)
    }

    private func revokeAll(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let session = try await guardian.session(of: request)
        let scope = try await request.json(RevokeRequest.self).scope
        guard scope == "others" || scope == "all" else { throw Problem.invalid("scope must be others or all.", field: "scope") }
        let ended = try await sessions.revokeAll(by: session, keepingThis: scope == "others") { context.audit($0, outcome: $1, targets: $2) }
        let headers: HTTPFields = scope == "all" ? [.setCookie: SessionToken.cookie(nil, now: .distantPast, expiry: nil)] : [:]
        return try .json(["revoked": ended], headers: headers)
    }

    private func signOut(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        if let token = RequestCookies(request.headers).session {
            try await sessions.signOut(token) { context.audit($0, outcome: $1, targets: $2) }
        }
        return Response(status: .noContent, headers: [.setCookie: SessionToken.cookie(nil, now: Date.distantPast, expiry: nil)])
    }
}
