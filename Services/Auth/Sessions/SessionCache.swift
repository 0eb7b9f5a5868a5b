import Foundation
import Logging
import Primitives
import ServiceLifecycle
import Streams
import Synchronization

/// Sessions that were looked up a moment ago, so that a page's many requests ask the database once.
///
/// Nothing is served from here but while this replica hears of revocations at once; and never for longer than ``lifetime``, which holds the
/// promise of one second also where a revocation was said to nobody.
final class SessionCache: Sendable {
    static let lifetime: Duration = .milliseconds(800)
    /// Silence for longer means that the channel may be broken.
    static let trust: Duration = .seconds(2)
    private static let limit = 20_000

    private struct State {
        var sessions: [Data: (session: Session, until: ContinuousClock.Instant)] = [:]
        var heardAt: ContinuousClock.Instant?
        /// Raised with every revocation: what was read before it is not kept.
        var generation = 0
    }

    private let state = Mutex(State())

    /// Where reading stands among revocations, to be given to ``keep(_:for:since:)``.
    var generation: Int { state.withLock { $0.generation } }

    func find(_ token: SessionToken) -> Session? {
        let now = ContinuousClock.now
        return state.withLock { state in
            guard let heardAt = state.heardAt, now - heardAt < Self.trust, let entry = state.sessions[token.digest], entry.until > now else {
                return nil
            }
            return entry.session
        }
    }

    /// Keeps what was read; not when something was revoked since the reading began.
    func keep(_ session: Session, for token: SessionToken, since generation: Int) {
        let now = ContinuousClock.now
        state.withLock { state in
            guard state.generation == generation, state.heardAt != nil else { return }
            if state.sessions.count >= Self.limit { state.sessions.removeAll(keepingCapacity: true) }
            state.sessions[token.digest] = (session, now + Self.lifetime)
        }
    }

    /// Something was revoked: nothing known counts any more.
    func clear() {
        state.withLock { state in
            state.generation += 1
            state.sessions.removeAll(keepingCapacity: true)
        }
    }

    /// The channel is alive.
    func heard() {
        state.withLock { $0.heardAt = .now }
    }

    /// The channel is broken.
    func distrust() {
        state.withLock { state in
            state.heardAt = nil
            state.generation += 1
            state.sessions.removeAll(keepingCapacity: true)
        }
    }
}

/// Tells every replica of Auth that a session was revoked, and hears it from the others.
struct RevocationChannel: Service {
    private static let stream = "auth:revocations"

    let cache: SessionCache
    let redis: RedisConfiguration
    let client: RedisClient
    let logger: Logger

    /// After the commit. Should Redis be away, nobody serves from a cache either.
    func announce() async {
        cache.clear()
        do {
            try await client.command(["XADD", Self.stream, "MAXLEN", "~", "1000", "*", "r", "1"])
        } catch {
            logger.debug("revocation not announced", metadata: ["error": "\(error)"])
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "listening for revocations", logger: logger)
            while !Task.isCancelled {
                do {
                    try await listen { outage.ended() }
                } catch {
                    cache.distrust()
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    private func listen(_ working: () -> Void) async throws {
        let connection = try await RedisConnection.connect(redis)
        var position = try await connection.command(["XREVRANGE", Self.stream, "+", "-", "COUNT", "1"]).array?.first?.array?.first?.string ?? "0-0"
        // What came between the last line and this one is unknown.
        cache.clear()
        while !Task.isCancelled {
            let answer = try await connection.command(["XREAD", "BLOCK", "500", "COUNT", "1000", "STREAMS", Self.stream, position])
            if let entries = answer.array?.first?.array?.dropFirst().first?.array, let last = entries.last?.array?.first?.string {
                cache.clear()
                position = last
            }
            cache.heard()
            working()
        }
        await connection.close()
    }
}
