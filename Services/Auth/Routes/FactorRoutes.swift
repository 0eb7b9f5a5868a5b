import Contracts
import HTTP
import HTTPTypes
import Hummingbird

/// The second factor: setting it up, showing it at sign-in, taking it away.
struct FactorRoutes {
    let factors: Factors
    let sessions: Sessions
    let guardian: SessionGuard
    let crossSite: CrossSiteCheck

    private struct CodeRequest: Decodable {
        let code: String?
        let recoveryCode: String?

        /// One of the two, or a 400.
        func presented() throws(Problem) -> Factors.Presented {
            switch (code, recoveryCode) {
            case (let code?, nil): .code(code.filter(\.isNumber))
            case (nil, let recoveryCode?): .recoveryCode(String(recoveryCode.prefix(100)))
            default: throw Problem.invalid("Send either code or recovery_code.")
            }
        }
    }

    private struct MeetRequest: Decodable {
        let challenge: String
        let code: String?
        let recoveryCode: String?
    }

    private struct EnrolmentAnswer: Encodable {
        let secret: String
        let otpauthUrl: String
    }

    private struct RecoveryCodesAnswer: Encodable {
        let recoveryCodes: [String]
    }

    private struct FactorAnswer: Encodable {
        let isEnabled: Bool
        let recoveryCodesLeft: Int
    }

    func add(to router: Router<AppContext>) {
        let totp = router.group("/api/v1/auth/totp")
        totp.get("") { request, _ in
            let session = try await guardian.session(of: request)
            return try Response.json(
                FactorAnswer(
                    isEnabled: try await factors.isEnabled(for: session.user),
                    recoveryCodesLeft: try await factors.recoveryCodesLeft(of: session.user)))
        }
        totp.post("") { request, _ in try await begin(request) }
        totp.post("confirm") { request, context in try await confirm(request, context) }
        totp.post("recovery-codes") { request, context in try await renew(request, context) }
        totp.post("disable") { request, context in try await disable(request, context) }
        router.post("/api/v1/auth/sign-in/factor") { request, context in try await meet(request, context) }
    }

    private func begin(_ request: Request) async throws -> Response {
        try crossSite.require(request.headers)
        let session = try await guardian.freshSession(of: request)
        guard let enrolment = try await factors.begin(session) else {
            throw Problem.conflict(
                kind: "factor_exists", title: "Two-step sign-in is on already.", detail: "Switch it off first to set up another device.")
        }
        return try .json(EnrolmentAnswer(secret: enrolment.secret, otpauthUrl: enrolment.address), status: .created)
    }

    private func confirm(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let session = try await guardian.freshSession(of: request)
        guard case .code(let code) = try await request.json(CodeRequest.self).presented(),
            let confirmed = try await factors.confirm(session, code: code, audit: { context.audit($0, outcome: $1, targets: $2) })
        else { throw Self.wrongCode }
        await sessions.announceRevocation()
        return try .json(
            RecoveryCodesAnswer(recoveryCodes: confirmed.recoveryCodes), headers: [.setCookie: guardian.cookie(confirmed.token, of: session)])
    }

    private func renew(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let session = try await guardian.freshSession(of: request)
        guard case .code(let code) = try await request.json(CodeRequest.self).presented() else { throw Self.wrongCode }
        let codes = try await busyIsUnavailable {
            try await factors.renewRecoveryCodes(session, code: code) { context.audit($0, outcome: $1, targets: $2) }
        }
        guard let codes else { throw Self.wrongCode }
        return try .json(RecoveryCodesAnswer(recoveryCodes: codes))
    }

    private func disable(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let session = try await guardian.freshSession(of: request)
        let presented = try await request.json(CodeRequest.self).presented()
        let token = try await busyIsUnavailable {
            try await factors.disable(session, with: presented) { context.audit($0, outcome: $1, targets: $2) }
        }
        guard let token else { throw Self.wrongCode }
        await sessions.announceRevocation()
        return Response(status: .noContent, headers: [.setCookie: guardian.cookie(token, of: session)])
    }

    private func meet(_ request: Request, _ context: AppContext) async throws -> Response {
        try crossSite.require(request.headers)
        let input = try await request.json(MeetRequest.self)
        let presented = try CodeRequest(code: input.code, recoveryCode: input.recoveryCode).presented()
        let started = try await busyIsUnavailable {
            try await sessions.signIn(
                meeting: input.challenge, with: presented, replacing: RequestCookies(request.headers).session,
                origin: .init(address: context.clientAddress, userAgent: context.userAgent),
                audit: { context.audit($0, outcome: $1, targets: $2) })
        }
        guard let started else { throw Self.wrongCode }
        return try SessionRoutes.answer(started)
    }

    private static let wrongCode = Problem(
        .unauthorized, kind: "wrong_code", title: "That is not the code, or it is no longer good.",
        detail: "A code is good once. After five tries or five minutes, sign in again.")
}
