import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import Streams

/// Writes what became of mails, many in one commit, and acknowledges them in Redis afterwards.
struct Outcomes: Sendable {
    private struct Pending: Sendable {
        let outcome: OutcomeStore.Outcome
        let since: ContinuousClock.Instant
    }

    private let group: GroupCommit<Pending, Void>
    private let metrics: DeliveryMetrics
    private let mailboxes: MailboxStore
    private let outbox: Outbox
    private let clock: WallClock
    private let logger: Logger

    /// `load` forgets a mail when its result is written.
    init(
        database: Database, redis: RedisClient, outbox: Outbox, counters: QueueCounters, suppressions: Suppressions, load: Load, lease: Duration,
        metrics: DeliveryMetrics, wakeup: Wakeup, clock: WallClock, logger: Logger
    ) {
        let store = OutcomeStore(events: SendEvents(outbox: outbox), counters: counters, suppressions: suppressions, lease: lease)
        mailboxes = MailboxStore(database: database)
        self.outbox = outbox
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
        group = GroupCommit(limit: 200, gathering: .milliseconds(8)) { group in
            let deliveries = group.map(\.outcome.delivery)
            do {
                try await Self.commit(group.map(\.outcome), store, database, clock, logger)
                FaultPoint.pass(.afterOutcome)
                outbox.wake()
                await Self.acknowledge(deliveries.map(\.entry), redis, logger)
            } catch {
                // Nothing could be written for so long that the claims have ended anyway.
                logger.error("outcomes not written", metadata: ["jobs": "\(deliveries.map(\.job))", "error": "\(error)"])
            }
            for pending in group { metrics.outcome.record(since: pending.since) }
            await load.leave(deliveries.map(\.claim))
            wakeup.signal()
            return group.map { _ in () }
        }
    }

    /// Returns at once: the next mail need not wait for this one's commit, and the load bounds how many results are on their way.
    func record(_ result: DeliveryResult, of delivery: Delivery, transcript: String? = nil) {
        metrics.count(result)
        let resolution = Resolution(result, of: delivery, now: clock.now, spread: Double.random(in: -1...1))
        group.add(Pending(outcome: .init(delivery: delivery, resolution: resolution, transcript: transcript), since: .now))
    }

    /// Returns when every result is written.
    func drain() async {
        await group.drain()
    }

    /// Stops a mailbox that its server does not let in, with the server's words.
    func stop(_ mailbox: SendingMailbox, reason: String) async {
        do {
            try await mailboxes.stop(mailbox, reason: reason, at: clock.now, outbox: outbox)
            outbox.wake()
            logger.warning("mailbox stopped", metadata: ["mailbox": "\(mailbox.id)", "reason": "\(reason)"])
        } catch {
            logger.error("mailbox could not be stopped", metadata: ["mailbox": "\(mailbox.id)", "error": "\(error)"])
        }
    }

    /// Tries again while Postgres is away: the mails are out, and their results must not be lost while this process lives.
    private static func commit(
        _ outcomes: [OutcomeStore.Outcome], _ store: OutcomeStore, _ database: Database, _ clock: WallClock, _ logger: Logger
    ) async throws {
        var pause = Duration.milliseconds(50)
        for attempt in 1... {
            do {
                try await database.transaction { try await store.write(outcomes, now: clock.now, in: $0) }
                return
            } catch let error as PostgresError {
                guard error.isTransient, attempt < 60 else { throw error }
                if attempt == 1 { logger.warning("results wait for the database", metadata: ["error": "\(error)"]) }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private static func acknowledge(_ entries: [StreamEntryPlace], _ redis: RedisClient, _ logger: Logger) async {
        do {
            _ = try await redis.pipeline(WorkStreams.acknowledgement(of: entries))
        } catch {
            // The entries stay; whoever reads them again finds the jobs done.
            logger.debug("entries not acknowledged", metadata: ["error": "\(error)"])
        }
    }
}
