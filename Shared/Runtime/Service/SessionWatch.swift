public import Contracts
public import Logging
public import RPC
public import ServiceLifecycle

/// Says of open event streams whether their sessions still live, so that a revocation ends them within a second.
///
/// Asks Auth about all of them at once, four times a second, and not at all while none is open. A session that nobody could vouch for during
/// ``patience`` counts as ended: a stream must not outlive what let it in because Auth cannot be reached.
public actor SessionWatch: Service {
    private struct Watched {
        var streams: Int
        /// Nil once it has ended.
        var confirmedAt: ContinuousClock.Instant?
    }

    private static let interval = Duration.milliseconds(250)
    private static let patience = Duration.seconds(2)

    private let auth: RPCClient
    private let logger: Logger
    private var watched: [SessionID: Watched] = [:]

    public init(auth: RPCClient, logger: Logger) {
        self.auth = auth
        self.logger = logger
    }

    /// Runs `stream` with a way to ask whether the session still lives. It has just been let in, so it does at first.
    public nonisolated func watching(
        _ session: SessionID, _ stream: (_ isLive: @Sendable () async -> Bool) async throws -> Void
    ) async throws {
        await begin(session)
        do {
            try await stream { await self.isLive(session) }
        } catch {
            await end(session)
            throw error
        }
        await end(session)
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.look()
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    private func look() async {
        guard !watched.isEmpty else { return }
        let asked = Array(watched.keys)
        let askedAt = ContinuousClock.now
        do {
            let living = Set(try await auth.call(AuthRPC.LivingSessions(sessions: asked)).living)
            // A stream that began meanwhile was not asked about.
            for session in asked { watched[session]?.confirmedAt = living.contains(session) ? askedAt : nil }
        } catch {
            logger.warning("could not ask whether sessions still live", metadata: ["error": "\(error)"])
        }
    }

    private func begin(_ session: SessionID) {
        watched[session, default: Watched(streams: 0)].streams += 1
        watched[session]?.confirmedAt = .now
    }

    private func end(_ session: SessionID) {
        watched[session]?.streams -= 1
        if watched[session]?.streams == 0 { watched[session] = nil }
    }

    private func isLive(_ session: SessionID) -> Bool {
        watched[session]?.confirmedAt.map { ContinuousClock.now - $0 < Self.patience } ?? false
    }
}
