import Foundation
import Logging
import Mail
import ServiceLifecycle
import Streams
import Synchronization

/// Connections to other mail servers that wait for the next mail; each is used again only where it is as private as that mail has to be.
final class RelayPool: Service {
    struct Key: Hashable, Sendable {
        let host: String
        /// Where it stood when it was asked.
        let addresses: [String]
        let security: HostSecurity
        /// Our own address to come from.
        let source: String?
    }

    struct Kept: Sendable {
        let connection: SMTPConnection
        /// Mails that went over it.
        let mails: Int
        let since: ContinuousClock.Instant
    }

    /// Servers close what has said nothing for a while, and count what is open.
    static let idleTime = Duration.seconds(15)
    /// Mails over one connection at most.
    static let mostMails = 50

    private let perHost: Int
    private let logger: Logger
    private let idle = Mutex<(kept: [Key: [Kept]], isClosed: Bool)>(([:], false))

    init(perHost: Int, logger: Logger) {
        self.perHost = perHost
        self.logger = logger
    }

    /// The one that was used last.
    func take(_ key: Key) -> Kept? {
        idle.withLock { idle in
            guard let last = idle.kept[key]?.popLast() else { return nil }
            if idle.kept[key]?.isEmpty ?? false { idle.kept[key] = nil }
            return last
        }
    }

    /// Keeps it for a while, or takes leave where there is no room or it has carried enough.
    func put(_ connection: SMTPConnection, mails: Int, under key: Key) async {
        let isKept = idle.withLock { idle in
            guard !idle.isClosed, mails < Self.mostMails, idle.kept[key]?.count ?? 0 < perHost else { return false }
            idle.kept[key, default: []].append(Kept(connection: connection, mails: mails, since: .now))
            return true
        }
        if !isKept { await connection.quit() }
    }

    func run() async throws {
        await repeatWork(
            "closing connections that nobody uses", logger: logger, rest: { try? await Task.sleep(for: .seconds(5)) },
            step: { [self] in
                await close(before: .now - Self.idleTime)
                return false
            })
        idle.withLock { $0.isClosed = true }
        await close(before: .now + .seconds(60))
    }

    private func close(before cut: ContinuousClock.Instant) async {
        let old = idle.withLock { idle in
            let old = idle.kept.values.flatMap { $0.filter { $0.since < cut } }
            idle.kept = idle.kept.mapValues { $0.filter { $0.since >= cut } }.filter { !$0.value.isEmpty }
            return old
        }
        await withTaskGroup { group in
            for kept in old { group.addTask { await kept.connection.quit() } }
        }
    }
}
