import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Logging
import Primitives

/// Signing in with Google or Microsoft: off to the provider, and back.
struct OpenIDRoutes {
    let openID: OpenIDSignIn
    let links: OpenIDLinks
    let guardian: SessionGuard
    let sessions: Sessions
    let crossSite: CrossSiteCheck
    let clock: WallClock

    /// Sent back on the way from the provider, which is a navigation from another site: Lax, not Strict.
    static let bindingCookie = "__Host-penguin.openid"

    private struct ProvidersAnswer: Encodable {
        let providers: [OpenIDProvider.Name]
    }

    private struct BeginRequest: Decodable {
        let link: Bool?
    }

    private struct BeginAnswer: Encodable {
        let authorizeUrl: String
    }

    private struct UnlinkRequest: Decodable {
        let issuer: String
    }

    private struct LinksAnswer: Encodable {
        let links: [OpenIDLink]
    }

    func add(to router: Router<AppContext>) {
        let group = router.group("/api/v1/auth/openid")
        group.get("") { _, _ in try Response.json(ProvidersAnswer(providers: openID.providers)) }
        group.get("links") { request, _ in
            try Response.json(LinksAnswer(links: try await links.list(of: try await guardian.session(of: request))))
        }
        group.post("unlink") { request, context in try await unlink(request, context) }
        group.post("{provider}/begin") { request, context in try await begin(request, context) }
        group.get("{provider}/callback") { request, context in await callback(request, context) }
    }

    private func begin(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        guard let name = Self.provider(context), openID.providers.contains(name) else { throw Problem.notFound("provider") }
        let input = try await request.json(BeginRequest.self)
        var session: Session?
        if input.link == true {
            let fresh = try await guardian.freshSession(of: request)
            // Whoever signed up with a stranger's address must not stay in by a provider when the stranger confirms it (arXiv 2205.10174).
            guard fresh.isVerified else { throw Problem.forbidden("Confirm your address first.") }
            session = fresh
        }
        do {
            let begun = try await openID.begin(name, link: session)
            return try .json(
                BeginAnswer(authorizeUrl: begun.url), headers: [.setCookie: Self.binding(begun.binding, seconds: Int(OpenIDSignIn.lifetime))])
        } catch is OpenIDSignIn.Refusal {
            throw Problem.unavailable(retryAfter: 10)
        }
    }

    /// Takes a provider off the account, never the last way in.
    private func unlink(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(UnlinkRequest.self)
        let session = try await guardian.freshSession(of: request)
        do {
            try await links.unlink(input.issuer, of: session) { context.audit($0, outcome: $1, targets: $2) }
        } catch OpenIDLinks.Refusal.notFound {
            throw Problem.notFound("linked provider")
        } catch OpenIDLinks.Refusal.lastWayIn {
            throw Problem.conflict(
                kind: "last_way_in", title: "This is the only way to sign in.", detail: "Set a password first, by \"forgot password\".")
        }
        return Response.noContent
    }

    /// A browser is on its way: whatever happens it gets a page, and only one of these.
    private func callback(_ request: Request, _ context: AppContext) async -> Response {
        do {
            switch try await finish(request, context) {
            case .started(let started):
                let cookie = SessionToken.cookie(started.token, now: clock.now, expiry: started.session.expiresAt)
                return Self.redirect("/dashboard", cookie: cookie)
            case .linked: return Self.redirect("/dashboard")
            // In the fragment, which no server's log and no Referer has.
            case .needsFactor(let challenge): return Self.redirect("/login#factor=\(challenge)")
            }
        } catch let refusal as OpenIDSignIn.Refusal {
            return Self.redirect("/login?error=\(refusal.rawValue)")
        } catch {
            context.logger.error("coming back from a provider failed", metadata: ["error": "\(error)"])
            return Self.redirect("/login?error=unavailable")
        }
    }

    private func finish(_ request: Request, _ context: AppContext) async throws -> OpenIDSignIn.Finish {
        guard let name = Self.provider(context) else { throw OpenIDSignIn.Refusal.off }
        let (parameters, cookies) = (request.uri.queryParameters, RequestCookies(request.headers))
        if parameters["error"] != nil { throw OpenIDSignIn.Refusal.denied }
        guard let code = parameters["code"].map(String.init), (1...4_096).contains(code.utf8.count),
            let state = parameters["state"].map(String.init), (1...200).contains(state.utf8.count),
            let binding = cookies[Self.bindingCookie], binding.utf8.count <= 200
        else { throw OpenIDSignIn.Refusal.flow }
        let token = cookies.session
        var session: Session?
        if let token { session = try await sessions.read(token) }
        return try await openID.finish(
            name, .init(code: code, state: state, binding: binding, session: session, token: token),
            origin: .init(address: context.clientAddress, userAgent: context.userAgent),
            audit: { context.audit($0, outcome: $1, targets: $2) })
    }

    private static func provider(_ context: AppContext) -> OpenIDProvider.Name? {
        context.parameters.get("provider").flatMap(OpenIDProvider.Name.init(rawValue:))
    }

    /// To one of our own pages; the trip is over, so its cookie goes.
    private static func redirect(_ path: String, cookie: String? = nil) -> Response {
        var headers: HTTPFields = [.location: path, .cacheControl: "no-store", .setCookie: binding("", seconds: 0)]
        if let cookie { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: .seeOther, headers: headers)
    }

    private static func binding(_ value: String, seconds: Int) -> String {
        "\(bindingCookie)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; Secure; SameSite=Lax"
    }
}
