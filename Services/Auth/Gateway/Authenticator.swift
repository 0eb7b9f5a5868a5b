import Contracts
import Foundation
import HTTPTypes
import Primitives
import RPC

/// Answers the gateway's question: who is this request, and may a browser have sent it?
struct Authenticator: Sendable {
    struct Question: Sendable {
        let method: String
        /// Path and query as the client wrote them; nil when nobody says.
        let target: String?
        let audience: ServiceName
        let headers: HTTPFields
    }

    enum Answer: Sendable {
        /// A token for the service that is asked for, good for a minute.
        case identity(String)
        case problem(Refusal)
    }

    /// The word in X-Auth-Problem; the gateway makes problem details of it.
    enum Refusal: String, Sendable {
        case unauthenticated
        case csrfOrigin = "csrf_origin"
        case csrfToken = "csrf_token"
        /// The key has no scope for this.
        case forbidden
        case rateLimited = "rate_limited"

        init(_ failure: CrossSiteCheck.Failure) {
            self =
                switch failure {
                case .origin: .csrfOrigin
                case .token: .csrfToken
                }
        }
    }

    let sessions: Sessions
    let keys: ApiKeys
    let support: SupportSessions
    let crossSite: CrossSiteCheck
    let tokens: ServiceTokens
    let clock: WallClock

    func answer(_ question: Question) async throws -> Answer {
        if let authorization = question.headers[.authorization] { return try await answer(question, authorization) }
        guard let token = RequestCookies(question.headers).session, let session = try await sessions.find(token) else {
            return .problem(.unauthenticated)
        }
        if !Self.isSafe(question.method), let failure = crossSite.failure(question.headers) { return .problem(Refusal(failure)) }
        if let named = question.headers[.supportSession] { return try await answer(question, support: named, session) }
        let claims = IdentityClaims(
            tenant: session.tenant, user: session.user, name: session.name, role: session.role, verified: session.isVerified,
            workspaces: session.workspaces, session: session.id,
            // Authority over the platform needs more than a password.
            staff: session.assurance >= 2 ? session.staffRole : nil)
        return .identity(try await tokens.sign(claims, for: question.audience, now: clock.now))
    }

    /// One of the operator's people who reads of a company what a support session states: as themselves, and nothing but that.
    private func answer(_ question: Question, support named: String, _ session: Session) async throws -> Answer {
        guard session.assurance >= 2, session.staffRole != nil, Self.isSafe(question.method), let target = question.target,
            let id = UUID(text: named), let running = try await support.running(id, of: session.user),
            running.scope.contains(where: { $0.covers(target, at: question.audience) })
        else { return .problem(.forbidden) }
        let claims = IdentityClaims(
            tenant: running.tenant, user: session.user, name: session.name, role: "viewer", verified: session.isVerified, workspaces: nil,
            session: session.id, staff: session.staffRole, support: running.id.uuid)
        return .identity(try await tokens.sign(claims, for: question.audience, now: clock.now))
    }

    /// A program with a key; cookies beside it do not count, so no browser can be made to send it, and no CSRF token is asked for.
    private func answer(_ question: Question, _ authorization: String) async throws -> Answer {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer", let secret = ApiKeySecret(String(parts[1])),
            let holder = try await keys.find(secret)
        else { return .problem(.unauthenticated) }
        guard await keys.mayProceed(holder) else { return .problem(.rateLimited) }
        guard ApiScope.allows(holder.scopes, question.audience, isSafe: Self.isSafe(question.method)) else { return .problem(.forbidden) }
        let claims = IdentityClaims(
            tenant: holder.tenant, user: holder.user, name: holder.name, role: ApiScope.role, verified: true, workspaces: nil,
            session: SessionID(holder.key), apiKey: holder.key)
        return .identity(try await tokens.sign(claims, for: question.audience, now: clock.now))
    }

    /// Methods that change nothing (RFC 9110, section 9.2.1).
    static func isSafe(_ method: String) -> Bool {
        ["GET", "HEAD", "OPTIONS"].contains(method)
    }
}

extension HTTPField.Name {
    /// The support session in whose name something is read.
    static let supportSession = Self("X-Support-Session")!
}
