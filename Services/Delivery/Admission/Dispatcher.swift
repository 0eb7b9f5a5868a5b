import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Admits due mail from Postgres into the work streams and keeps those short: never more than twice what the workers can hold.
struct Dispatcher: Service {
    let lease: DispatcherLease
    let claims: ClaimStore
    let sweeper: Sweeper
    let gates: SendGates
    let ambiguous: AmbiguousSends
    let cron: Cron
    let redis: RedisClient
    let wakeup: Wakeup
    let clock: WallClock
    let metrics: DeliveryMetrics
    let logger: Logger
    /// Twice the workers' slots.
    let depth: Int
    /// How long a claim holds before the sweeper takes it back, in seconds.
    let claimLease: Double

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var sweptAt: ContinuousClock.Instant?
            var isReleasing = false
            var shares: [WorkQueue: FairShare] = [:]
            while !Task.isCancelled {
                do {
                    guard let fence = try await lease.take() else {
                        await wakeup.wait(atMost: .seconds(1))
                        continue
                    }
                    if sweptAt.map({ ContinuousClock.now - $0 > .milliseconds(500) }) ?? true {
                        try await sweeper.sweep(now: clock.now)
                        try await ambiguous.resendByPolicy()
                        isReleasing = true
                        try await cron.enqueueDue(now: clock.now)
                        sweptAt = .now
                    }
                    if isReleasing { isReleasing = try await gates.release() }
                    if try await !admit(fence: fence, &shares), !isReleasing { await wakeup.wait(atMost: .milliseconds(Int64.random(in: 150...250))) }
                } catch is ClaimStore.LostLease {
                    logger.notice("another dispatcher leads")
                } catch {
                    if Task.isCancelled { break }
                    logger.warning("dispatch interrupted", metadata: ["error": "\(error)"])
                    await wakeup.wait(atMost: .milliseconds(500))
                }
            }
        }
        try? await lease.release()
    }

    /// True when there may be more to admit at once.
    func admit(fence: Int64, _ shares: inout [WorkQueue: FairShare]) async throws -> Bool {
        let lengths = try await redis.pipeline(WorkQueue.allCases.map { ["XLEN", $0.rawValue] })
        var mayBeMore = false
        for (queue, length) in zip(WorkQueue.allCases, lengths) {
            let room = min(depth - Int(length.integer ?? 0), Self.batch)
            guard room > 0 else { continue }
            let start = ContinuousClock.now
            let admission = try await claims.claim(
                queue, room: room, share: shares[queue] ?? FairShare(), fence: fence, holder: lease.holder, lease: claimLease, now: clock.now)
            shares[queue] = admission.share
            if admission.mayBeMore { mayBeMore = true }
            guard !admission.claimed.isEmpty else { continue }
            metrics.claim.record(since: start)
            FaultPoint.pass(.afterClaim)
            // Should this fail, the claims' leases end and the sweeper brings them back.
            _ = try await redis.pipeline(
                admission.claimed.map { ["XADD", queue.rawValue, "*", "job", $0.job.uuidString, "fence", "\($0.fence)"] })
            FaultPoint.pass(.afterHandOver)
        }
        return mayBeMore
    }

    /// How many one transaction claims at most.
    private static let batch = 1_000
}
