import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Forgotten, reset and changed passwords.
struct PasswordRoutes {
    let passwords: Passwords
    let rules: PasswordRules
    let guardian: SessionGuard
    let crossSite: CrossSiteCheck

    private struct ForgetRequest: Decodable {
        let email: String
    }

    private struct ResetRequest: Decodable {
        let token: String
        let password: String
    }

    private struct ChangeRequest: Decodable {
        let current: String
        let new: String
    }

    func add(to router: Router<AppContext>) {
        let auth = router.group("/api/v1/auth/password")
        auth.post("forgot") { request, context in try await forget(request, context) }
        auth.post("reset") { request, context in try await reset(request, context) }
        auth.post("change") { request, context in try await change(request, context) }
        router.get("/reset-password") { request, _ in try await show(request) }
        router.post("/reset-password") { request, context in try await resetByForm(request, context) }
    }

    private func forget(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(ForgetRequest.self)
        if let email = EmailAddress(input.email) {
            try await EvenTime.atLeast(.milliseconds(120)) {
                try await passwords.forget(email) { context.audit($0, outcome: $1, targets: $2) }
            }
        }
        return try .json(StatusAnswer(status: "reset_sent"), status: .accepted)
    }

    private func reset(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(ResetRequest.self)
        guard try await set(input.password, called: "password", by: input.token, context) else {
            throw Problem.unprocessable(
                kind: "reset_failed", title: "This link is no longer good.", detail: "Links are good for an hour and for one use; ask for a new one.")
        }
        return try .json(StatusAnswer(status: "password_set"), headers: [.setCookie: SessionToken.cookie(nil, now: .distantPast, expiry: nil)])
    }

    /// Sets what was typed, by a mailed chance; false when the chance is gone.
    private func set(_ text: String, called field: String, by token: String, _ context: AppContext) async throws -> Bool {
        // A chance that is gone says so below; until then it is nobody's.
        let owner = try await passwords.owner(of: token)
        let password = try await rules.checked(text, field: field, for: owner.map { .person($0) } ?? .newcomer)
        return try await busyIsUnavailable {
            try await passwords.reset(token, to: password) { context.audit($0, outcome: $1, targets: $2) }
        }
    }

    /// The mailed page. Looking does not use the chance, so mail scanners may.
    private func show(_ request: Request) async throws -> Response {
        guard let token = request.uri.queryParameters["token"].map(String.init), try await passwords.owner(of: token) != nil else {
            return ResetPage.gone
        }
        return ResetPage.ask(token: token)
    }

    /// The button of that page. The token in the form is the secret, so no cookie takes part.
    private func resetByForm(_ request: Request, _ context: AppContext) async throws -> Response {
        let fields = try await ConfirmationPage.fields(of: request)
        guard let token = fields["token"], try await passwords.owner(of: token) != nil else { return ResetPage.gone }
        do {
            return try await set(fields["password"] ?? "", called: "The password", by: token, context) ? ResetPage.done : ResetPage.gone
        } catch let problem as Problem {
            return ResetPage.ask(token: token, fault: problem.detail ?? problem.title, status: problem.status)
        }
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(ChangeRequest.self)
        let session = try await guardian.session(of: request)
        let password = try await rules.checked(input.new, field: "new", for: .person(session.user))
        let token = try await busyIsUnavailable {
            try await passwords.change(session, from: Password(entered: input.current), to: password, client: context.clientAddress) {
                context.audit($0, outcome: $1, targets: $2)
            }
        }
        guard let token else { throw Problem.wrongPassword }
        return try .json(StatusAnswer(status: "password_set"), headers: [.setCookie: guardian.cookie(token, of: session)])
    }
}
