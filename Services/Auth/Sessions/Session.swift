import Contracts
import Crypto
import Foundation
import Primitives

/// Somebody signed in on one device, acting for one tenant.
struct Session: Sendable, Equatable {
    let id: SessionID
    let user: UserID
    let email: String
    let name: String
    let isVerified: Bool
    let tenant: TenantID
    let tenantName: String
    let role: String
    let lastSeenAt: Date
    /// When its holder last proved to be the person.
    let authenticatedAt: Date
    /// 1: a password; 2: and a second factor.
    let assurance: Int
    /// The end whatever happens; idle sessions end earlier.
    let expiresAt: Date
    /// The user's role as staff of the platform, if any.
    var staffRole: String?
    /// Those the member is limited to; nil is all.
    var workspaces: [WorkspaceID]?

    /// Whether its holder proved recently enough to be the person for what must not be done by whoever finds an open laptop.
    func isFresh(_ now: Date) -> Bool { now.timeIntervalSince(authenticatedAt) < Self.freshness }

    static let freshness: TimeInterval = 15 * 60
    /// A session that nobody used for this long has ended.
    static let idleLifetime: TimeInterval = 8 * 3_600
    static let absoluteLifetime: TimeInterval = 30 * 86_400
    /// How stale `lastSeenAt` may be, so that reading does not mean writing.
    static let seenPrecision: TimeInterval = 60
}

/// What a session's cookie holds: 32 random bytes; only their SHA-256 is stored.
struct SessionToken: Sendable {
    static let cookieName = "__Secure-nile.session-token"

    let text: String

    static func random() -> SessionToken {
        SessionToken(text: randomBytes(32).base64URL)
    }

    var digest: Data { Data(SHA256.hash(data: Data(text.utf8))) }

    /// Sets the cookie until `expiry`, or removes it when that is nil.
    static func cookie(_ token: SessionToken?, now: Date, expiry: Date?) -> String {
        let age = expiry.map { max(0, Int($0.timeIntervalSince(now))) } ?? 0
        return "\(cookieName)=\(token?.text ?? ""); Path=/; Max-Age=\(age); HttpOnly; Secure; SameSite=Lax"
    }
}
