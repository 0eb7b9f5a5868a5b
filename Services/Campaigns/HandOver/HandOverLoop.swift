import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// The scheduler at work: begins and enrols launched campaigns, decides who is mailed now, and takes the mails to Delivery, piece by piece.
///
/// Any number of replicas run it; whatever one of them leaves undone when it dies, another finds in the database and takes up.
struct HandOverLoop: Service {
    let runner: HandOverRunner
    let rounds: RoundRunner
    let enroller: Enroller
    let starter: Starter
    let sweeper: Sweeper
    let withdrawals: Withdrawals
    let wakeup: Wakeup
    let clock: WallClock
    let logger: Logger

    init(house: House, wakeup: Wakeup) {
        let (database, outbox, clock) = (house.worker, house.outbox, house.clock)
        runner = HandOverRunner(
            store: HandOverStore(database: database), templates: TemplateVersions(database: database), billing: house.peer(.billing),
            delivery: house.peer(.delivery), outbox: outbox, clock: clock, logger: house.logger)
        rounds = RoundRunner(store: RoundStore(database: database), delivery: house.peer(.delivery), outbox: outbox, clock: clock)
        enroller = Enroller(database: database, outbox: outbox, clock: clock)
        starter = Starter(database: database, outbox: outbox, clock: clock)
        sweeper = Sweeper(database: database, delivery: house.peer(.delivery), outbox: outbox, clock: clock)
        withdrawals = Withdrawals(database: database, delivery: house.peer(.delivery), clock: clock)
        self.wakeup = wakeup
        self.clock = clock
        logger = house.logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "hand-over", logger: logger)
            while !Task.isCancelled {
                do {
                    let worked = try await step()
                    outage.ended()
                    if !worked { await wakeup.wait(atMost: .milliseconds(300)) }
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    /// One piece of work of any kind; false when there is none.
    func step() async throws -> Bool {
        if let unfinished = try await runner.store.unfinished() {
            try await runner.handOver(unfinished)
            return true
        }
        if try await withdrawals.withdrawOnce() { return true }
        if try await sweeper.sweepOnce() { return true }
        if try await starter.startOne() { return true }
        if try await enroller.enrolOnce() { return true }
        guard case .done(let handOver) = try await rounds.run() else { return false }
        if let handOver { try await runner.handOver(handOver) }
        return true
    }
}
