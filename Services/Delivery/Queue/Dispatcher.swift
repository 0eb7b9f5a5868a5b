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
    let redis: RedisClient
    let wakeup: Wakeup
    let clock: WallClock
    let logger: Logger
    /// Twice the workers' slots.
    let depth: Int
    /// How long a claim holds before the sweeper takes it back, in seconds.
    let claimLease: Double

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var sweptAt: ContinuousClock.Instant?
            while !Task.isCancelled {
                do {
                    guard let fence = try await lease.take() else {
                        await wakeup.wait(atMost: .seconds(1))
                        continue
                    }
                    if sweptAt.map({ ContinuousClock.now - $0 > .milliseconds(500) }) ?? true {
                        try await sweeper.sweep(now: clock.now)
                        sweptAt = .now
                    }
                    if try await !admit(fence: fence) { await wakeup.wait(atMost: .milliseconds(Int64.random(in: 150...250))) }
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
    func admit(fence: Int64) async throws -> Bool {
        var mayBeMore = false
        for queue in EmailQueue.allCases {
            let length = try await redis.command(["XLEN", queue.rawValue]).integer ?? 0
            let room = depth - Int(length)
            guard room > 0 else { continue }
            let limit = min(room, 500)
            let (claimed, scanned) = try await claims.claim(
                queue, limit: limit, fence: fence, holder: lease.holder, lease: claimLease, now: clock.now)
            if scanned == limit { mayBeMore = true }
            guard !claimed.isEmpty else { continue }
            // Should this fail, the claims' leases end and the sweeper brings them back.
            _ = try await redis.pipeline(
                claimed.map { ["XADD", queue.rawValue, "*", "job", $0.job.uuidString, "fence", "\($0.fence)"] })
        }
        return mayBeMore
    }
}
