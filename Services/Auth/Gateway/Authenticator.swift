import Contracts
import Foundation
import HTTPTypes
import Primitives
import RPC

/// Answers the gateway's question: who is this request, and may a browser have sent it?
struct Authenticator: Sendable {
    struct Question: Sendable {
        let method: String
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
        case csrf
    }

    let sessions: Sessions
    let crossSite: CrossSiteCheck
    let tokens: ServiceTokens
    let clock: WallClock

    func answer(_ question: Question) async throws -> Answer {
        guard let token = RequestCookies(question.headers).session, let session = try await sessions.find(token) else {
            return .problem(.unauthenticated)
        }
        if !Self.isSafe(question.method), !crossSite.passes(question.headers) { return .problem(.csrf) }
        let now = clock.now
        let claims = IdentityClaims(
            tenant: session.tenant, user: session.user, name: session.name, role: session.role, verified: session.isVerified,
            workspaces: session.workspaces, session: session.id,
            // Authority over the platform needs more than a password.
            staff: session.assurance >= 2 ? session.staffRole : nil)
        return .identity(try await tokens.sign(claims, for: question.audience, now: now))
    }

    /// Methods that change nothing (RFC 9110, section 9.2.1).
    static func isSafe(_ method: String) -> Bool {
        ["GET", "HEAD", "OPTIONS"].contains(method)
    }
}
