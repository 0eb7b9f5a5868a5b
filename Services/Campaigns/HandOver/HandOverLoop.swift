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
    let gates: GateKeeper
    let wakeup: Wakeup
    let logger: Logger

    init(house: House, wakeup: Wakeup) {
        let (database, outbox, clock) = (house.worker, house.outbox, house.clock)
        runner = HandOverRunner(
            store: HandOverStore(database: database), templates: TemplateVersions(database: database), billing: house.peer(.billing),
            delivery: house.peer(.delivery), outbox: outbox, clock: clock, logger: house.logger, tracer: house.tracer)
        rounds = RoundRunner(store: RoundStore(database: database), delivery: house.peer(.delivery), outbox: outbox, clock: clock)
        enroller = Enroller(database: database, outbox: outbox, clock: clock)
        starter = Starter(database: database, domains: SenderDomains(delivery: house.peer(.delivery)), outbox: outbox, clock: clock)
        sweeper = Sweeper(database: database, delivery: house.peer(.delivery), outbox: outbox, clock: clock)
        withdrawals = Withdrawals(database: database, delivery: house.peer(.delivery))
        gates = GateKeeper(database: database, delivery: house.peer(.delivery))
        self.wakeup = wakeup
        logger = house.logger
    }

    func run() async throws {
        await repeatWork("hand-over", logger: logger, rest: { await wakeup.wait(atMost: .milliseconds(300)) }, step: step)
    }

    /// One piece of work of each kind, so that much of one holds up no other; false when there is none of any. What fails is thrown when the
    /// others have had their turn.
    func step() async throws -> Bool {
        let kinds: [() async throws -> Bool] = [
            takeUp, gates.tellOne, withdrawals.withdrawOnce, sweeper.sweepOnce, starter.startOne, enroller.enrolOnce, round,
        ]
        var (worked, failure): (Bool, (any Error)?) = (false, nil)
        for kind in kinds {
            do {
                if try await kind() { worked = true }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return worked
    }

    /// A batch that somebody left on its way.
    private func takeUp() async throws -> Bool {
        guard let unfinished = try await runner.store.unfinished() else { return false }
        try await runner.handOver(unfinished)
        return true
    }

    /// The campaign whose turn it is.
    private func round() async throws -> Bool {
        guard case .done(let handOver) = try await rounds.run() else { return false }
        if let handOver { try await runner.handOver(handOver) }
        return true
    }
}
