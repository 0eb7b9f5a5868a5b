import Contracts
import Foundation
import Postgres

/// The SQL of reservations and of the period they are taken from.
enum ReservationStore {
    struct Locked: Sendable {
        let reservation: BillingRPC.Reservation
        let periodStart: Date
    }

    static func find(key: String, of tenant: TenantID, in transaction: Transaction) async throws -> BillingRPC.Reservation? {
        try await transaction.query(
            """
            select r.id, r.count, r.used, r.released, r.period_start, p.period_end from mail_reservations r
            join mail_periods p on p.tenant_id = r.tenant_id and p.period_start = r.period_start
            where r.tenant_id = \(tenant) and r.key = \(key)
            """
        ).first.map(locked)?.reservation
    }

    static func lock(_ reservation: ReservationID, of tenant: TenantID, in transaction: Transaction) async throws -> Locked? {
        try await transaction.query(
            """
            select r.id, r.count, r.used, r.released, r.period_start, p.period_end from mail_reservations r
            join mail_periods p on p.tenant_id = r.tenant_id and p.period_start = r.period_start
            where r.tenant_id = \(tenant) and r.id = \(reservation) for update of r
            """
        ).first.map(locked)
    }

    /// False when the key is taken, after waiting for whoever is taking it.
    static func insert(
        _ identifier: ReservationID, key: String, count: Int64, period: Date, of tenant: TenantID, at instant: Date, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            insert into mail_reservations (tenant_id, id, key, period_start, count, created_at, next_look_at)
            values (\(tenant), \(identifier), \(key), \(period), \(count), \(instant), \(instant + ReservationReconciler.age))
            on conflict (tenant_id, key) do nothing
            """
        ).affected > 0
    }

    /// The one place where quota is taken: true only if there was enough.
    static func take(_ count: Int64, from period: Date, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            update mail_periods set reserved = reserved + \(count)
            where tenant_id = \(tenant) and period_start = \(period) and used + reserved + \(count) <= allowance
            """
        ).affected > 0
    }

    static func settle(
        _ identifier: ReservationID, used: Int64, released: Int64, moreUsed: Int64, moreReleased: Int64, closing: Date?, period: Date,
        of tenant: TenantID, in transaction: Transaction
    ) async throws {
        try await transaction.pipeline([
            """
            update mail_reservations set used = \(used), released = \(released), closed_at = \(closing)
            where tenant_id = \(tenant) and id = \(identifier)
            """,
            """
            update mail_periods set used = used + \(moreUsed), reserved = reserved - \(moreUsed + moreReleased)
            where tenant_id = \(tenant) and period_start = \(period)
            """,
        ])
    }

    // MARK: - What is left over

    struct Due: Sendable, Equatable {
        let tenant: TenantID
        let reservation: ReservationID
    }

    /// Those that nobody has settled in time, taken for a while: whoever dies over them is followed by another, and nobody waits for anybody.
    static func claimLeftovers(limit: Int, for lease: TimeInterval, at now: Date, in database: Database) async throws -> [Due] {
        try await database.query(
            """
            update mail_reservations r set next_look_at = \(now + lease)
            from (select tenant_id, id from mail_reservations where closed_at is null and next_look_at <= \(now)
                  order by next_look_at limit \(limit) for update skip locked) d
            where r.tenant_id = d.tenant_id and r.id = d.id
            returning r.tenant_id, r.id
            """
        ).map { Due(tenant: try $0.decode("tenant_id"), reservation: try $0.decode("id")) }
    }

    static func postpone(_ identifier: ReservationID, until next: Date, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            "update mail_reservations set next_look_at = \(next) where tenant_id = \(tenant) and id = \(identifier)")
    }

    private static func locked(_ row: Row) throws -> Locked {
        Locked(
            reservation: BillingRPC.Reservation(
                id: try row.decode("id"), count: try row.decode("count"), used: try row.decode("used"), released: try row.decode("released"),
                periodEnd: try row.decode("period_end")),
            periodStart: try row.decode("period_start"))
    }
}
