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
        router.get("/reset-password") { request, _ in
            PasswordResetPage.ask(token: request.uri.queryParameters["token"].map(String.init) ?? "")
        }
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
        guard try await isReset(input, context) else {
            throw Problem.unprocessable(
                kind: "reset_failed", title: "This link is no longer good.", detail: "Links are good for an hour and for one use; ask for a new one.")
        }
        return try .json(StatusAnswer(status: "password_set"), headers: [.setCookie: Self.signedOut])
    }

    /// The form of the mailed page. The token in it is the secret, so no cookie takes part.
    private func resetByForm(_ request: Request, _ context: AppContext) async throws -> Response {
        let fields = try await ConfirmationPage.fields(of: request)
        let input = ResetRequest(token: fields["token"] ?? "", password: fields["password"] ?? "")
        do {
            guard try await isReset(input, context) else { return PasswordResetPage.failed }
        } catch let problem as Problem
            where problem.status == .badRequest || problem.status == .tooManyRequests || problem.status == .serviceUnavailable
        {
            return PasswordResetPage.ask(token: input.token, fault: problem.detail ?? problem.title, status: problem.status)
        }
        var done = PasswordResetPage.done
        done.headers[.setCookie] = Self.signedOut
        return done
    }

    private func isReset(_ input: ResetRequest, _ context: AppContext) async throws -> Bool {
        // A chance that is gone says so below; until then it is nobody's.
        let owner = try await passwords.owner(of: input.token)
        let password = try await rules.checked(input.password, field: "password", for: owner.map { .person($0) } ?? .newcomer)
        return try await busyIsUnavailable {
            try await passwords.reset(input.token, to: password) { context.audit($0, outcome: $1, targets: $2) }
        }
    }

    private static let signedOut = SessionToken.cookie(nil, now: .distantPast, expiry: nil)

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
