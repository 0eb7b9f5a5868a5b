import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle

/// What keeps us true and small: the daily comparison, of connected accounts, too, the hourly look for what was not delivered, and the forgetting
/// of what is done.
struct StripeUpkeep: Service {
    static let reconcileEvery: TimeInterval = 86_400
    static let sweepEvery: TimeInterval = 3_600
    /// How long events that have had their effect are kept, and calls that were answered.
    static let keepsEvents: TimeInterval = 90 * 86_400
    /// How long those are kept that failed, and that somebody should have looked at by then.
    static let keepsFailures: TimeInterval = 365 * 86_400
    static let keepsRequests: TimeInterval = 7 * 86_400

    let stripe: StripeClient
    let reconciliation: Reconciliation
    let sweep: EventSweep
    let connect: ConnectSync
    let loops: LoopStore
    let database: Database
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await runOnce()
                } catch {
                    if Task.isCancelled { return }
                    logger.warning("upkeep of billing interrupted", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(60))
            }
        }
    }

    /// Does what is due, where no other process is at it.
    func runOnce() async throws {
        while try await !EventInbox.prune(["done", "ignored"], before: clock.now - Self.keepsEvents, in: database) {}
        while try await !EventInbox.prune(["failed"], before: clock.now - Self.keepsFailures, in: database) {}
        while try await !stripe.prune(before: clock.now - Self.keepsRequests) {}
        guard stripe.isConfigured else { return }
        try await once(.reconcile, every: Self.reconcileEvery) {
            try await reconciliation.run { try await loops.goOn(.reconcile) }
        }
        try await once(.sweep, every: Self.sweepEvery) { try await sweep.run() }
        try await once(.connect, every: Self.reconcileEvery) {
            try await connect.refreshOld(before: clock.now - Self.reconcileEvery) { try await loops.goOn(.connect) }
        }
    }

    private func once<Outcome: Encodable & Sendable>(
        _ name: LoopStore.Name, every interval: TimeInterval, _ work: () async throws -> Outcome
    ) async throws {
        guard try await loops.begin(name, every: interval) else { return }
        do {
            let outcome = try await work()
            try await loops.end(name, outcome)
            logger.info("billing upkeep", metadata: ["loop": "\(name.rawValue)", "outcome": "\(outcome)"])
        } catch {
            if Task.isCancelled { throw error }
            try await loops.fail(name, "\(error)")
            logger.warning("billing upkeep failed", metadata: ["loop": "\(name.rawValue)", "error": "\(error)"])
        }
    }
}
