import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// Signing up, proving an address, forgotten passwords and one's own profile in Nile's words; ``Accounts`` and ``Passwords`` do the work.
struct NileAccountRoutes {
    private static let resetCookie = "__Secure-nile.reset"
    private static let resetPurpose = "nile.reset"

    let accounts: Accounts
    let passwords: Passwords
    let rules: PasswordRules
    let sessions: Sessions
    let directory: NileDirectory
    let crossSite: NileCrossSite
    let addresses: NileAddresses

    func add(to router: Router<AppContext>) {
        for prefix in NileAnswer.prefixes {
            let nile = router.group(RouterPath(prefix))
            nile.post("signup") { request, context in
                try await NileAnswer.plainly { try await signUp(request, context) }
            }
            nile.post("auth/verify-email") { request, _ in
                try await NileAnswer.plainly { try await resend(request) }
            }
            // Mail scanners follow links, so this one only shows a button.
            nile.get("auth/verify-email") { request, _ in
                ConfirmationPage.ask(.verification, token: request.uri.queryParameters["token"].map(String.init))
            }
            nile.post("auth/reset-password") { request, context in
                try await NileAnswer.plainly { try await forget(request, context) }
            }
            nile.get("auth/reset-password") { request, _ in
                try await NileAnswer.plainly { try await openReset(request) }
            }
            nile.put("auth/reset-password") { request, context in
                try await NileAnswer.plainly { try await reset(request, context) }
            }
            nile.get("me") { request, _ in
                try await NileAnswer.plainly { try await me(request) }
            }
            nile.put("me") { request, context in
                try await NileAnswer.plainly { try await change(request, context) }
            }
            nile.delete("me") { request, _ in
                try await NileAnswer.plainly {
                    guard try await session(of: request) != nil else { return NileAnswer.empty(.unauthorized) }
                    throw Problem.forbidden("An account is closed by deleting its company, or by leaving it.")
                }
            }
        }
    }

    // MARK: - Signing up

    /// Nile signs in at once and says when an address is taken; this tells nobody who has an account, so the answer is the same for both.
    private func signUp(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await NileBody.read(request)
        try crossSite.requireOrigin(request.headers, body)
        guard let email = body["email"].flatMap(EmailAddress.init) else {
            throw Problem.invalid("email must be one plain address, such as you@example.com.", field: "email")
        }
        let password = try await rules.checked(body["password"] ?? "", field: "password", for: .newcomer)
        // Nile asks for neither; both can be changed later.
        let name = try AccountRoutes.words(body["name"] ?? String(email.text.prefix { $0 != "@" }), field: "name")
        let asked = request.uri.queryParameters["newTenantName"].map(String.init) ?? body["newTenantName"]
        let company = try AccountRoutes.words(asked ?? name, field: "newTenantName")
        try await accounts.signUp(
            .init(email: email, password: password, name: name, company: company), audit: { context.audit($0, targets: $1) },
            baseURL: addresses.origin)
        // No identifier: the true one would tell a new account from a taken address, and one that is made up would mislead.
        return try NileAnswer.json(
            .object([
                "id": .null, "email": .text(email.text), "name": .text(name), "familyName": .null, "givenName": .null, "picture": .null,
                "emailVerified": .null, "tenants": .list([]),
            ]))
    }

    private func resend(_ request: Request) async throws -> Response {
        let body = try await NileBody.read(request)
        try crossSite.require(request.headers, body)
        if let email = body["email"].flatMap(EmailAddress.init) {
            try await EvenTime.atLeast(.milliseconds(120)) {
                try await accounts.resendVerification(to: email, baseURL: addresses.origin)
            }
        }
        return NileAnswer.text("If the address waits to be confirmed, a mail is on its way.", status: .created)
    }

    // MARK: - Forgotten passwords

    private func forget(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await NileBody.read(request)
        try crossSite.requireOrigin(request.headers, body)
        if let email = body["email"].flatMap(EmailAddress.init) {
            try await EvenTime.atLeast(.milliseconds(120)) {
                try await passwords.forget(email) { context.audit($0, outcome: $1, targets: $2) }
            }
        }
        // Never an address or a token, whatever json says: who may set a new password is whoever reads the mail.
        return NileAnswer.text("If there is an account, a mail is on its way.", status: .created)
    }

    /// Puts the mailed chance into a cookie and leads to the page that asks for the new password; looking does not use it.
    private func openReset(_ request: Request) async throws -> Response {
        let page = addresses.callback(request.uri.queryParameters["callbackUrl"].map(String.init), otherwise: "/reset-password")
        guard let token = request.uri.queryParameters["token"].map(String.init), try await passwords.owner(of: token) != nil else {
            throw Self.gone
        }
        let tag = try crossSite.check.keyring.authenticate(Data(token.utf8), purpose: Self.resetPurpose)
        return NileAnswer.empty(
            .found, cookies: [Self.cookie("\(token)%7C\(tag)", age: Int(Passwords.resetLifetime))], location: page)
    }

    private func reset(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await NileBody.read(request)
        try crossSite.requireOrigin(request.headers, body)
        guard let token = resetToken(of: request), let owner = try await passwords.owner(of: token) else { throw Self.gone }
        let password = try await rules.checked(body["password"] ?? "", field: "password", for: .person(owner))
        guard try await passwords.reset(token, to: password, audit: { context.audit($0, outcome: $1, targets: $2) }) else { throw Self.gone }
        // Nile signs in here; we do not, since a mail is not the second factor.
        return NileAnswer.empty(
            .noContent, cookies: [Self.cookie("", age: 0), SessionToken.cookie(nil, now: .distantPast, expiry: nil)])
    }

    private func resetToken(of request: Request) -> String? {
        guard let value = RequestCookies(request.headers)[Self.resetCookie] else { return nil }
        let parts = value.replacingOccurrences(of: "%7C", with: "|").split(separator: "|").map(String.init)
        guard parts.count == 2, crossSite.check.keyring.isAuthentic(parts[1], message: Data(parts[0].utf8), purpose: Self.resetPurpose) else {
            return nil
        }
        return parts[0]
    }

    private static func cookie(_ value: String, age: Int) -> String {
        "\(resetCookie)=\(value); Path=/; Max-Age=\(age); HttpOnly; Secure; SameSite=Lax"
    }

    private static let gone = Problem.invalid("This link is no longer good. Ask for a new one.")

    // MARK: - Oneself

    private func me(_ request: Request) async throws -> Response {
        guard let session = try await session(of: request) else { return NileAnswer.empty(.unauthorized) }
        return try await answer(session) { .text($0.description) }
    }

    /// Takes the four fields that are the person's own to choose. emailVerified and the like are not, so they are not read.
    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        guard let session = try await session(of: request) else { return NileAnswer.empty(.unauthorized) }
        let body = try await NileBody.read(request)
        try crossSite.require(request.headers, body)
        func words(_ field: String) throws -> String? {
            try body[field].map { try AccountRoutes.words($0, field: field) }
        }
        let profile = NileProfile(
            name: try words("name"), familyName: try words("familyName"), givenName: try words("givenName"), picture: try picture(body["picture"]))
        try await directory.change(profile, of: session) { context.audit($0, targets: $1) }
        return try await answer(session) { .object(["id": .text($0.description)]) }
    }

    /// Pages show it as an image, so it is an address of the web and nothing that runs.
    private func picture(_ text: String?) throws(Problem) -> String? {
        guard let text else { return nil }
        guard text.utf8.count <= 2_000, let url = URL(string: text), url.scheme == "https", url.host() != nil else {
            throw Problem.invalid("picture must be an address that begins with https.", field: "picture")
        }
        return text
    }

    private func answer(_ session: Session, tenant: (TenantID) -> NileValue) async throws -> Response {
        guard let person = try await directory.person(session.user) else { return NileAnswer.empty(.unauthorized) }
        let tenants = try await sessions.memberships(of: session).map { tenant($0.tenant) }
        let factor: NileValue = try await directory.hasFactor(session.user) ? .text("authenticator") : .null
        return try NileAnswer.json(
            .object([
                "id": .text(person.id.description), "email": .text(person.email), "name": .optional(person.name),
                "familyName": .optional(person.familyName), "givenName": .optional(person.givenName), "picture": .optional(person.picture),
                "created": .instant(person.created), "updated": .instant(person.updated), "emailVerified": .instant(person.verifiedAt),
                "multiFactor": factor, "tenants": .list(tenants),
            ]))
    }

    /// Nobody is nil, since Nile's clients expect a 401 without words here.
    private func session(of request: Request) async throws -> Session? {
        guard let token = RequestCookies(request.headers).session else { return nil }
        return try await sessions.read(token)
    }
}
