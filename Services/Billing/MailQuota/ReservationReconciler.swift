import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import Streams

/// Gives back what is left of mail reservations: one that is open when all of its mails are long due is settled by what Delivery says of them.
///
/// Every replica does it, and none needs to know of the others. Nothing is given back on a guess: what Delivery does not answer stays reserved.
struct ReservationReconciler: Service {
    /// What came of it, in counts.
    struct Outcome: Sendable, Equatable {
        var taken = 0
        var closed = 0
        /// Those of which mails may still go out.
        var open = 0
        /// Mails that went back to their periods.
        var released: Int64 = 0
        /// Those of which Delivery used more than was reserved.
        var overdrawn = 0
        /// Those that Delivery said nothing of.
        var unanswered = 0
    }

    /// What is reserved is due within a day; an hour more for whoever hands it over.
    static let age: TimeInterval = 25 * 3_600
    /// How soon mails that may still go out are asked for again.
    static let patience: TimeInterval = 86_400
    /// How often it is done, and for how long whoever does it has what was taken.
    static let interval: TimeInterval = 600
    private static let batch = 200

    let database: Database
    let delivery: RPCClient
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await repeatWork(
            "reconciliation of mail reservations", logger: logger, rest: { try? await Task.sleep(for: .seconds(Self.interval)) },
            step: {
                let outcome = try await runOnce()
                return outcome.taken == Self.batch && outcome.unanswered == 0
            })
    }

    /// Settles a batch; one tenant's are asked for in one question.
    @discardableResult
    func runOnce() async throws -> Outcome {
        let due = try await ReservationStore.claimLeftovers(limit: Self.batch, for: Self.interval, at: clock.now, in: database)
        var outcome = Outcome(taken: due.count)
        for (tenant, reservations) in Dictionary(grouping: due, by: \.tenant) {
            if Task.isCancelled { break }
            let reports: [DeliveryRPC.ReservationReport]
            do throws(RPCError) {
                reports = try await delivery.call(
                    DeliveryRPC.ReadReservations(tenant: tenant, reservations: reservations.map(\.reservation)))
            } catch {
                outcome.unanswered += reservations.count
                logger.notice("delivery does not say what became of reservations", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
                // Whoever is away is away for all; a question that fails for one tenant only keeps nobody else's.
                if error.isTransient { break }
                continue
            }
            try await settle(reports, of: tenant, asked: Set(reservations.map(\.reservation)), &outcome)
        }
        log(outcome)
        return outcome
    }

    private func settle(
        _ reports: [DeliveryRPC.ReservationReport], of tenant: TenantID, asked: Set<ReservationID>, _ outcome: inout Outcome
    ) async throws {
        var left = asked
        for report in reports where left.remove(report.reservation) != nil {
            guard let settled = try await settle(report, of: tenant) else { continue }
            outcome.released += settled.released
            if settled.isClosed { outcome.closed += 1 } else { outcome.open += 1 }
            if settled.isOverdrawn { outcome.overdrawn += 1 }
        }
        outcome.unanswered += left.count
    }

    private struct Settled: Sendable {
        let released: Int64
        let isClosed: Bool
        let isOverdrawn: Bool
    }

    /// Nil for one that is settled already, or gone.
    private func settle(_ report: DeliveryRPC.ReservationReport, of tenant: TenantID) async throws -> Settled? {
        let now = clock.now
        return try await database.transaction { transaction -> Settled? in
            guard let known = try await ReservationStore.lock(report.reservation, of: tenant, in: transaction) else { return nil }
            let before = known.reservation
            guard before.used + before.released < before.count else { return nil }
            let verdict = LeftoverVerdict(before, told: report)
            let after = try await MailQuota.raise(
                known, used: verdict.used, released: verdict.released, of: tenant, at: now, in: transaction)
            let isClosed = after.used + after.released == after.count
            if !isClosed {
                try await ReservationStore.postpone(before.id, until: now + Self.patience, of: tenant, in: transaction)
            }
            return Settled(released: after.released - before.released, isClosed: isClosed, isOverdrawn: verdict.isOverdrawn)
        }
    }

    private func log(_ outcome: Outcome) {
        guard outcome.taken > 0 else { return }
        logger.log(
            level: outcome.overdrawn > 0 ? .warning : .info, "reconciled mail reservations",
            metadata: [
                "taken": "\(outcome.taken)", "closed": "\(outcome.closed)", "open": "\(outcome.open)", "released": "\(outcome.released)",
                "overdrawn": "\(outcome.overdrawn)", "unanswered": "\(outcome.unanswered)",
            ])
    }
}

/// What a reservation comes to when Delivery has said what became of its mails: a decision without effects.
struct LeftoverVerdict: Sendable, Equatable {
    let used: Int64
    let released: Int64
    /// Whether more was used than there was.
    let isOverdrawn: Bool

    /// Totals only grow and stay within what was reserved. What is neither used, released nor open was never handed over, or others than Delivery
    /// gave it up, and goes back. What was settled after Delivery looked is taken for open once more: then a little less goes back, and the rest
    /// the next time.
    init(_ known: BillingRPC.Reservation, told: DeliveryRPC.ReservationReport) {
        func within(_ number: Int64) -> Int64 { min(max(0, number), known.count) }
        used = max(known.used, min(within(told.used), known.count - known.released))
        let named = max(known.released, min(within(told.released), known.count - used))
        released = named + max(0, known.count - used - named - within(told.open))
        isOverdrawn = told.used > used
    }
}
