import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// Finds the session behind a request to Auth's own routes, which the gateway does not ask about.
struct SessionGuard: Sendable {
    let sessions: Sessions
    let clock: WallClock

    /// Whoever is signed in, or a 401.
    func session(of request: Request) async throws -> Session {
        guard let token = RequestCookies(request.headers).session, let session = try await sessions.read(token) else {
            throw Problem.unauthenticated
        }
        return session
    }

    /// Whoever is signed in and gave the password a moment ago, or a 401 or 403.
    func freshSession(of request: Request) async throws -> Session {
        let session = try await session(of: request)
        guard session.isFresh(clock.now) else { throw Problem.stepUpRequired }
        return session
    }

    /// Whether whoever asks gave the password a moment ago.
    func isFresh(_ request: Request) async throws -> Bool {
        guard let token = RequestCookies(request.headers).session else { return false }
        return try await sessions.read(token)?.isFresh(clock.now) ?? false
    }

    /// The cookie of a session under its new token.
    func cookie(_ token: SessionToken, of session: Session) -> String {
        SessionToken.cookie(token, now: clock.now, expiry: session.expiresAt)
    }
}

extension Problem {
    static let stepUpRequired = Problem(
        .forbidden, kind: "step_up_required", title: "Enter your password again first.",
        detail: "POST it to /api/v1/auth/step-up; that is good for 15 minutes.")

    static let barred = Problem(
        .forbidden, kind: "no_access", title: "This account may not sign in at the moment.",
        detail: "It is suspended, or belongs to no company that is open; ask the company's owner or our support.")

    static let wrongPassword = Problem(.forbidden, kind: "wrong_password", title: "The password is wrong.")

    /// 429, with the time to wait.
    static func throttled(_ throttled: Throttled) -> Problem {
        Problem(
            .tooManyRequests, kind: "too_many_attempts", title: "This was tried too often.",
            detail: "Try again in \(throttled.seconds) seconds.", headers: [.retryAfter: String(throttled.seconds)])
    }
}

/// Turns "too many are being hashed" into a 503 and "tried too often" into a 429.
func busyIsUnavailable<Value>(_ work: () async throws -> Value) async throws -> Value {
    do {
        return try await work()
    } catch PasswordError.busy {
        throw Problem.unavailable()
    } catch let throttled as Throttled {
        throw Problem.throttled(throttled)
    }
}

/// Hides in time whether something was done: a mail to somebody takes as long as none to nobody.
enum EvenTime {
    static func atLeast(_ duration: Duration, _ work: () async throws -> Void) async throws {
        let end = ContinuousClock.now + duration
        try await work()
        try await Task.sleep(until: end, tolerance: .milliseconds(5))
    }
}
