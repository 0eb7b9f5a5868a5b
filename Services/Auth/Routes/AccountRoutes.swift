import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Signing up and proving the address.
struct AccountRoutes {
    let accounts: Accounts
    let crossSite: CrossSiteCheck
    let rules: PasswordRules
    let baseURL: String

    struct SignUpRequest: Decodable {
        let email: String
        let password: String
        let name: String
        let company: String
    }

    struct VerifyRequest: Decodable {
        let email: String?
        let code: String?
        let token: String?
    }

    private struct ResendRequest: Decodable {
        let email: String
    }

    func add(to router: Router<AppContext>) {
        let auth = router.group("/api/v1/auth")
        auth.post("sign-up") { request, context in try await signUp(request, context) }
        auth.post("verify-email") { request, context in try await verify(request, context) }
        auth.post("verify-email/resend") { request, _ in try await resend(request) }
        router.get("/verify-email") { request, _ in ConfirmationPage.ask(.verification, token: request.uri.queryParameters["token"].map(String.init))
        }
        router.post("/verify-email") { request, context in try await verifyByForm(request, context) }
    }

    private func signUp(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(SignUpRequest.self)
        guard let email = EmailAddress(input.email) else {
            throw Problem.invalid("email must be one plain address, such as you@example.com.", field: "email")
        }
        let signUp = Accounts.SignUp(
            email: email, password: try await rules.checked(input.password, field: "password", for: .newcomer),
            name: try Self.words(input.name, field: "name"),
            company: try Self.words(input.company, field: "company"))
        do {
            try await accounts.signUp(signUp, audit: { context.audit($0, targets: $1) }, baseURL: baseURL)
        } catch PasswordError.busy {
            throw Problem.unavailable()
        }
        return try .json(StatusAnswer(status: "verification_sent"), status: .accepted)
    }

    private func verify(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(VerifyRequest.self)
        let presented: Verifications.Presented
        if let token = input.token {
            presented = .token(token)
        } else if let code = input.code, let email = input.email.flatMap(EmailAddress.init) {
            presented = .code(code.filter(\.isNumber), email: email)
        } else {
            throw Problem.invalid("Send either token, or email and code.")
        }
        guard try await accounts.verify(presented, by: RequestCookies(request.headers).session, audit: { context.audit($0, targets: $1) }) else {
            throw Problem.unprocessable(
                kind: "verification_failed", title: "That is not the code, or it is no longer good.",
                detail: "A code is good for 30 minutes and five tries; ask for a new one.")
        }
        return try .json(StatusAnswer(status: "verified"))
    }

    private func resend(_ request: Request) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(ResendRequest.self)
        if let email = EmailAddress(input.email) {
            try await accounts.resendVerification(to: email, baseURL: baseURL)
        }
        return try .json(StatusAnswer(status: "verification_sent"), status: .accepted)
    }

    /// The button of the mailed page. The token in the form is the secret, so no cookie takes part.
    private func verifyByForm(_ request: Request, _ context: AppContext) async throws -> Response {
        guard let token = try await ConfirmationPage.token(of: request),
            try await accounts.verify(.token(token), by: RequestCookies(request.headers).session, audit: { context.audit($0, targets: $1) })
        else { return ConfirmationPage.failed }
        return ConfirmationPage.verified
    }

    static func words(_ text: String, field: String) throws(Problem) -> String {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...200).contains(trimmed.count), !trimmed.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Problem.invalid("\(field) must have 1 to 200 characters in one line.", field: field)
        }
        return trimmed
    }
}
