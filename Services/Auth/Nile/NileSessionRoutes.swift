import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// Signing in and out in Nile's words; ``Sessions`` does the work.
struct NileSessionRoutes {
    let sessions: Sessions
    let directory: NileDirectory
    let guardian: SessionGuard
    let crossSite: NileCrossSite
    let addresses: NileAddresses

    func add(to router: Router<AppContext>) {
        for prefix in NileAnswer.prefixes {
            let auth = router.group(RouterPath(prefix + "/auth"))
            auth.get("csrf") { request, _ in try token(request) }
            auth.get("providers") { _, _ in try providers() }
            auth.get("session") { request, _ in try await session(request) }
            auth.post("callback/credentials") { request, context in
                try await NileAnswer.plainly { try await signIn(request, context) }
            }
            auth.post("signout") { request, context in
                try await NileAnswer.plainly { try await signOut(request, context) }
            }
            auth.put("mfa") { request, context in
                try await NileAnswer.plainly { try await meet(request, context) }
            }
        }
    }

    private func token(_ request: Request) throws -> Response {
        var cookies = [Self.callbackCookie(addresses.callback(nil))]
        let token: String
        if let known = crossSite.check.token(in: RequestCookies(request.headers)) {
            token = known
        } else {
            let issued = try crossSite.check.issue(for: RequestCookies(request.headers).session)
            token = issued.token
            cookies.insert(issued.cookie, at: 0)
        }
        return try NileAnswer.json(.object(["csrfToken": .text(token)]), cookies: cookies)
    }

    private func providers() throws -> Response {
        let base = addresses.origin + "/api/auth"
        return try NileAnswer.json(
            .object([
                "credentials": .object([
                    "id": .text("credentials"), "name": .text("credentials"), "type": .text("credentials"),
                    "signinUrl": .text("\(base)/signin/credentials"), "callbackUrl": .text("\(base)/callback/credentials"),
                ])
            ]))
    }

    /// Nobody signed in is no failure here.
    private func session(_ request: Request) async throws -> Response {
        guard let token = RequestCookies(request.headers).session, let session = try await sessions.find(token),
            let person = try await directory.person(session.user)
        else { return try NileAnswer.json(.object([:])) }
        return try NileAnswer.json(
            .object([
                "user": .object([
                    "id": .text(person.id.description), "email": .text(person.email), "name": .optional(person.name),
                    "image": .optional(person.picture), "emailVerified": .instant(person.verifiedAt),
                ]),
                "expires": .instant(session.expiresAt),
            ]))
    }

    private func signIn(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await NileBody.read(request)
        // Without json=true Nile's server SDK makes a redirect of the Location.
        let wantsLocation = body["json"] != "true"
        func answer(_ url: String, _ status: HTTPResponse.Status, _ members: [String: NileValue] = [:], cookies: [String] = []) throws -> Response {
            try NileAnswer.json(
                .object(members.merging(["url": .text(url)]) { $1 }), status: status, cookies: cookies, location: wantsLocation ? url : nil)
        }
        guard crossSite.passes(request.headers, body) else { return try answer(addresses.crossSite, .forbidden) }
        let callback = addresses.callback(body["callbackUrl"])
        let result: Sessions.SignIn
        do {
            result = try await sessions.signIn(
                body["email"].flatMap(EmailAddress.init), password: body["password"].flatMap { Password(entered: $0) },
                replacing: RequestCookies(request.headers).session,
                origin: .init(address: context.clientAddress, userAgent: context.userAgent),
                audit: { context.audit($0, outcome: $1, targets: $2) })
        } catch let throttled as Throttled {
            var response = try answer(addresses.failure("Tried too often. Try again later."), .tooManyRequests)
            response.headers[.retryAfter] = String(throttled.seconds)
            return response
        }
        switch result {
        case .started(let started):
            return try answer(callback, .ok, cookies: [cookie(of: started), Self.callbackCookie(callback)])
        case .needsFactor(let challenge):
            let expiry = guardian.clock.now.addingTimeInterval(Factors.challengeLifetime)
            // The token stands beside the address, never in it: addresses end up in logs.
            return try answer(
                callback, .unauthorized,
                ["token": .text(challenge), "method": .text("authenticator"), "scope": .text("challenge"), "expiresAt": .instant(expiry)])
        case .refused: return try answer(addresses.failure("Login failed."), .unauthorized)
        case .barred: return try answer(addresses.failure(Problem.barred.title), .forbidden)
        }
    }

    private func signOut(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await NileBody.read(request)
        try crossSite.require(request.headers, body)
        if let token = RequestCookies(request.headers).session {
            try await sessions.signOut(token) { context.audit($0, outcome: $1, targets: $2) }
        }
        let url = addresses.callback(body["callbackUrl"])
        return try NileAnswer.json(
            .object(["url": .text(url)]), cookies: [SessionToken.cookie(nil, now: .distantPast, expiry: nil), NileTenantRoutes.tenantCookie(nil)],
            location: body["json"] == "true" ? nil : url)
    }

    /// The code of the second factor, to the challenge that the right password got.
    private func meet(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await NileBody.read(request)
        try crossSite.requireOrigin(request.headers, body)
        guard (body["scope"] ?? "challenge") == "challenge", (body["method"] ?? "authenticator") == "authenticator" else {
            throw Problem.invalid("Only an authenticator's challenge is answered here.")
        }
        guard let challenge = body["token"], let code = body["code"] else { throw Problem.invalid("Send token and code.") }
        // Nile takes both kinds of code in one field; six digits are the app's.
        let digits = code.filter { !$0.isWhitespace }
        let isCode = digits.count == 6 && digits.allSatisfy { $0.isASCII && $0.isNumber }
        let started = try await sessions.signIn(
            meeting: challenge, with: isCode ? .code(digits) : .recoveryCode(String(code.prefix(100))),
            replacing: RequestCookies(request.headers).session, origin: .init(address: context.clientAddress, userAgent: context.userAgent),
            audit: { context.audit($0, outcome: $1, targets: $2) })
        guard let started else {
            guard try await directory.isOpen(challenge: challenge) else {
                return NileAnswer.text("This challenge is over. Sign in again.", status: .gone)
            }
            return NileAnswer.text("That is not the code.", status: .unauthorized)
        }
        return try NileAnswer.json(.object(["ok": .flag(true), "scope": .text("challenge")]), cookies: [cookie(of: started)])
    }

    private func cookie(of started: Sessions.Started) -> String {
        SessionToken.cookie(started.token, now: started.session.lastSeenAt, expiry: started.session.expiresAt)
    }

    /// Nile's server SDK reads from it where its pages are.
    private static func callbackCookie(_ url: String) -> String {
        let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let value = url.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
        return "__Secure-nile.callback-url=\(value); Path=/; HttpOnly; Secure; SameSite=Lax"
    }
}
