import Contracts
import Foundation
import Postgres
import Primitives

/// Mails taken out of a tenant's period before they are sent.
///
/// One conditional update decides, so callers at the same time cannot take more than there is.
struct MailQuota: Sendable {
    /// Why nothing was reserved or settled; the raw value is the RPC error's kind.
    enum Refusal: String, Error {
        case noEntitlement = "no_entitlement"
        case accessDenied = "access_denied"
        case quotaExceeded = "quota_exceeded"
        case notFound = "reservation_not_found"
        case overdrawn = "reservation_overdrawn"

        var message: String {
            switch self {
            case .noEntitlement: "The tenant has no subscription yet."
            case .accessDenied: "The trial or the subscription is over; sending is paused until there is a plan."
            case .quotaExceeded: "The period's mails are all used or reserved."
            case .notFound: "The tenant has no such reservation."
            case .overdrawn: "More would be used and released than was reserved."
            }
        }
    }

    let database: Database
    let clock: WallClock

    /// Takes `count` mails out of the period that runs now, which begins with its first reservation; the same key answers with what it
    /// took the first time, whatever period that was.
    func reserve(_ count: Int64, key: String, for tenant: TenantID) async throws -> BillingRPC.Reservation {
        let now = clock.now
        return try await database.transaction { transaction in
            if let known = try await ReservationStore.find(key: key, of: tenant, in: transaction) { return known }
            guard let standing = try await SubscriptionStore.standing(of: tenant, now: now, in: transaction) else { throw Refusal.noEntitlement }
            guard standing.maySend(now: now) else { throw Refusal.accessDenied }
            if !standing.isPeriodOpen {
                try await SubscriptionStore.open(standing.period, allowance: standing.allowance, of: tenant, in: transaction)
            }
            // The row lock makes others with the same key wait here; whoever comes second finds the first one's row.
            let identifier = ReservationID(.v7(at: now))
            guard
                try await ReservationStore.insert(
                    identifier, key: key, count: count, period: standing.period.start, of: tenant, at: now, in: transaction)
            else {
                guard let known = try await ReservationStore.find(key: key, of: tenant, in: transaction) else { throw Refusal.notFound }
                return known
            }
            guard try await ReservationStore.take(count, from: standing.period.start, of: tenant, in: transaction) else {
                throw Refusal.quotaExceeded
            }
            return BillingRPC.Reservation(id: identifier, count: count, used: 0, released: 0, periodEnd: standing.period.end)
        }
    }

    /// Raises what was used and released to these totals, in the period they were taken from; lower ones change nothing.
    func settle(_ reservation: ReservationID, of tenant: TenantID, used: Int64, released: Int64) async throws -> BillingRPC.Reservation {
        try await database.transaction { transaction in
            guard let known = try await ReservationStore.lock(reservation, of: tenant, in: transaction) else { throw Refusal.notFound }
            let newUsed = max(known.reservation.used, used)
            let newReleased = max(known.reservation.released, released)
            guard newUsed <= known.reservation.count - newReleased else { throw Refusal.overdrawn }
            return try await Self.raise(known, used: newUsed, released: newReleased, of: tenant, at: clock.now, in: transaction)
        }
    }

    /// Writes totals that are no lower than what is known and together no more than was reserved.
    static func raise(
        _ known: ReservationStore.Locked, used: Int64, released: Int64, of tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> BillingRPC.Reservation {
        let moreUsed = used - known.reservation.used
        let moreReleased = released - known.reservation.released
        if moreUsed + moreReleased > 0 {
            try await ReservationStore.settle(
                known.reservation.id, used: used, released: released, moreUsed: moreUsed, moreReleased: moreReleased,
                closing: used + released == known.reservation.count ? now : nil, period: known.periodStart, of: tenant, in: transaction)
        }
        var settled = known.reservation
        settled.used = used
        settled.released = released
        return settled
    }
}
