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
            var leading: (fence: Int64, renewAt: ContinuousClock.Instant)?
            while !Task.isCancelled {
                do {
                    if leading.map({ $0.renewAt < .now }) ?? true {
                        leading = try await lease.take().map { ($0, .now + lease.length / 3) }
                    }
                    guard let fence = leading?.fence else {
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
                    switch try await admit(fence: fence, &shares) {
                    case .nothing where !isReleasing: await wakeup.wait(atMost: .milliseconds(Int64.random(in: 150...250)))
                    case .nothing: break
                    // Whoever takes a few mails at a time pays a commit for a few: while work is under way, room gathers for a moment.
                    case .some: try await Task.sleep(for: Self.gathering)
                    }
                } catch is ClaimStore.LostLease {
                    leading = nil
                    logger.notice("another dispatcher leads")
                } catch {
                    if Task.isCancelled { break }
                    leading = nil
                    logger.warning("dispatch interrupted", metadata: ["error": "\(error)"])
                    await wakeup.wait(atMost: .milliseconds(500))
                }
            }
        }
        try? await lease.release()
    }

    private enum Admitted {
        case nothing
        case some
    }

    private static let gathering = Duration.milliseconds(30)

    /// One look at every queue that has something due.
    private func admit(fence: Int64, _ shares: inout [WorkQueue: FairShare]) async throws -> Admitted {
        let due = try await claims.dueQueues()
        guard !due.isEmpty else { return .nothing }
        let lengths = try await redis.pipeline(due.map { ["XLEN", $0.rawValue] })
        var admitted = Admitted.nothing
        for (queue, length) in zip(due, lengths) {
            let room = min(depth - Int(length.integer ?? 0), Self.batch)
            guard room > 0 else { continue }
            let start = ContinuousClock.now
            let admission = try await claims.claim(
                queue, room: room, share: shares[queue] ?? FairShare(), fence: fence, holder: lease.holder, lease: claimLease, now: clock.now)
            shares[queue] = admission.share
            if admission.mayBeMore { admitted = .some }
            guard !admission.claimed.isEmpty else { continue }
            admitted = .some
            metrics.claim.record(since: start)
            FaultPoint.pass(.afterClaim)
            // Should this fail, the claims' leases end and the sweeper brings them back.
            _ = try await redis.pipeline(
                admission.claimed.map { ["XADD", queue.rawValue, "*", "job", $0.job.text, "fence", "\($0.fence)"] })
            FaultPoint.pass(.afterHandOver)
        }
        return admitted
    }

    /// How many one transaction claims at most.
    private static let batch = 1_000
}
