import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// What the clock alone changes: trials that end, grants that begin and end, day 7 and day 14 of a payment that is missing.
///
/// Access is derived, so it has changed for whoever asks before we come by; here it is told to everyone.
struct DunningLoop: Service {
    private static let batch = 50
    /// So few that the lease has a minute for each.
    private static let batchAtStripe = 10

    let stripe: StripeClient
    let sync: SubscriptionSync
    let announcer: AccessAnnouncer
    let cancellation: SubscriptionCancellation
    let database: Database
    let clock: WallClock
    let outbox: Outbox
    let logger: Logger

    /// Two loops beside each other, so that whoever waits for Stripe keeps nobody else waiting.
    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            for asksStripe in [false, true] {
                group.addTask {
                    await repeatWork(
                        asksStripe ? "the clock of dunning at Stripe" : "the clock of dunning", logger: logger,
                        rest: { try? await Task.sleep(for: .seconds(2)) }, step: { try await runOnce(asksStripe: asksStripe) > 0 })
                }
            }
        }
    }

    /// Looks once at those whose time has come, first at those of whom Stripe need not be asked; how many there were.
    @discardableResult
    func runOnce() async throws -> Int {
        try await runOnce(asksStripe: false) + runOnce(asksStripe: true)
    }

    private func runOnce(asksStripe: Bool) async throws -> Int {
        let limit = asksStripe ? Self.batchAtStripe : Self.batch
        let due = try await DunningStore.claim(limit: limit, asksStripe: asksStripe, at: clock.now, in: database)
        for each in due {
            if Task.isCancelled { break }
            do {
                try await look(each)
            } catch {
                if Task.isCancelled { break }
                // Its time comes again when the lease ends.
                logger.warning("a subscription could not be looked at", metadata: ["tenant": "\(each.tenant)", "error": "\(error)"])
            }
        }
        return due.count
    }

    private func look(_ due: DunningStore.Due) async throws {
        var read: SubscriptionState?
        if due.asksStripe, stripe.isConfigured {
            do {
                read = try await sync.sync(due.tenant, cause: .dunning)
            } catch {
                if Task.isCancelled { throw error }
                logger.notice("dunning goes by what is known", metadata: ["tenant": "\(due.tenant)", "error": "\(error)"])
            }
        }
        guard let read else {
            try await database.transaction { try await announcer.settle(due.tenant, cause: .dunning, in: $0) }
            outbox.wake()
            return
        }
        // Only what Stripe has just said is reason enough to end it, since a payment may have come without our hearing of it; and nobody ends what
        // staff let go on.
        let now = clock.now
        guard let standing = try await SubscriptionStore.standing(of: due.tenant, now: now, in: database),
            standing.facts.isCancelDue(at: now), !standing.maySend(now: now)
        else { return }
        try await cancellation.cancelUnpaid(due.tenant, read)
    }
}
