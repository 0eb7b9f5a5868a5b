public import Contracts
public import Foundation
public import Logging
public import RPC
public import ServiceLifecycle

/// Says of open event streams whether their sessions still live, so that a revocation ends them within a second.
///
/// Asks Auth about all of them at once, four times a second, and not at all while none is open. A session that nobody could vouch for during
/// ``patience`` counts as ended: a stream must not outlive what let it in because Auth cannot be reached. A stream for support ends with whichever
/// of the two ends first: the session of the person, or the support session.
public actor SessionWatch: Service {
    /// What a stream lives by.
    private enum Subject: Hashable {
        case session(SessionID)
        case support(UUID)
    }

    private struct Watched {
        var streams: Int
        /// Nil once it has ended.
        var confirmedAt: ContinuousClock.Instant?
    }

    private static let interval = Duration.milliseconds(250)
    private static let patience = Duration.seconds(2)

    private let auth: RPCClient
    private let logger: Logger
    private var watched: [Subject: Watched] = [:]

    public init(auth: RPCClient, logger: Logger) {
        self.auth = auth
        self.logger = logger
    }

    /// Runs `stream` with a way to ask whether the session still lives, and the support session where there is one. It has just been let in, so
    /// it does at first.
    public nonisolated func watching(
        _ session: SessionID, support: UUID? = nil, _ stream: (_ isLive: @Sendable () async -> Bool) async throws -> Void
    ) async throws {
        let subjects: [Subject] = [.session(session)] + (support.map { [.support($0)] } ?? [])
        await begin(subjects)
        do {
            try await stream { await self.areLive(subjects) }
        } catch {
            await end(subjects)
            throw error
        }
        await end(subjects)
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
            let living = try await self.living(asked)
            // A stream that began meanwhile was not asked about.
            for subject in asked { watched[subject]?.confirmedAt = living.contains(subject) ? askedAt : nil }
        } catch {
            logger.warning("could not ask whether sessions still live", metadata: ["error": "\(error)"])
        }
    }

    private func living(_ subjects: [Subject]) async throws -> Set<Subject> {
        var sessions: [SessionID] = []
        var support: [UUID] = []
        for subject in subjects {
            switch subject {
            case .session(let id): sessions.append(id)
            case .support(let id): support.append(id)
            }
        }
        let answer = try await auth.call(AuthRPC.LivingSessions(sessions: sessions, supportSessions: support.isEmpty ? nil : support))
        // Who does not speak of support sessions vouches for none.
        return Set(answer.living.map { Subject.session($0) } + (answer.livingSupport ?? []).map { Subject.support($0) })
    }

    private func begin(_ subjects: [Subject]) {
        for subject in subjects {
            watched[subject, default: Watched(streams: 0)].streams += 1
            watched[subject]?.confirmedAt = .now
        }
    }

    private func end(_ subjects: [Subject]) {
        for subject in subjects {
            watched[subject]?.streams -= 1
            if watched[subject]?.streams == 0 { watched[subject] = nil }
        }
    }

    private func areLive(_ subjects: [Subject]) -> Bool {
        subjects.allSatisfy { subject in watched[subject]?.confirmedAt.map { ContinuousClock.now - $0 < Self.patience } ?? false }
    }
}
