import Foundation
import Logging
import Primitives
import ServiceLifecycle

/// Reads connected accounts again that somebody looked at, so that looking never waits for Stripe. Webhooks tell of changes, too.
struct ConnectRefresher: Service {
    /// How old a reading may be before looking asks for another.
    static let lifetime: TimeInterval = 30

    private let sync: ConnectSync
    private let clock: WallClock
    private let logger: Logger
    private let accounts: AsyncStream<String>
    private let asking: AsyncStream<String>.Continuation

    init(sync: ConnectSync, clock: WallClock, logger: Logger) {
        self.sync = sync
        self.clock = clock
        self.logger = logger
        (accounts, asking) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(1_000))
    }

    func ask(for account: ConnectAccount) {
        if isOld(account.syncedAt) { asking.yield(account.account) }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await account in accounts {
                do {
                    // Many may have looked since it was read.
                    if isOld(try await sync.readAt(account)) { try await sync.refresh(account: account, cause: "request") }
                } catch {
                    logger.warning("a connected account could not be read", metadata: ["account": "\(account)", "error": "\(error)"])
                }
            }
        }
    }

    private func isOld(_ readAt: Date?) -> Bool {
        readAt.map { clock.now.timeIntervalSince($0) >= Self.lifetime } ?? true
    }
}
