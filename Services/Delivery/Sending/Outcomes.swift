import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import Streams

/// Writes what became of mails, many in one commit, and acknowledges them in Redis afterwards.
struct Outcomes: Sendable {
    private let group: GroupCommit<OutcomeStore.Outcome, Void>
    private let mailboxes: MailboxStore
    private let outbox: Outbox
    private let clock: WallClock
    private let logger: Logger

    init(database: Database, redis: RedisClient, outbox: Outbox, counters: QueueCounters, wakeup: Wakeup, clock: WallClock, logger: Logger) {
        let store = OutcomeStore(events: SendEvents(outbox: outbox), counters: counters)
        mailboxes = MailboxStore(database: database)
        self.outbox = outbox
        self.clock = clock
        self.logger = logger
        group = GroupCommit(limit: 200, gathering: .milliseconds(8)) { outcomes in
            try await Self.commit(outcomes, store, database, clock, logger)
            FaultPoint.pass(.afterOutcome)
            outbox.wake()
            await Self.acknowledge(outcomes.map(\.delivery.entry), redis, logger)
            wakeup.signal()
            return outcomes.map { _ in () }
        }
    }

    /// Returns when it is written, or when nothing could be written for so long that the claim has ended anyway.
    func record(_ result: DeliveryResult, of delivery: Delivery) async {
        let resolution = Resolution(result, of: delivery, now: clock.now, spread: Double.random(in: -1...1))
        do {
            try await group.submit(.init(delivery: delivery, resolution: resolution))
        } catch {
            logger.error("outcome not written", metadata: ["job": "\(delivery.job)", "error": "\(error)"])
        }
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
