import Contracts
import Foundation
import Postgres

/// The SQL of packs that were bought.
enum PackStore {
    struct Bought: Sendable, Equatable {
        let pack: String
        let mails: Int64
        let payment: String
    }

    /// A pack that waits for a period; nil when this payment has been booked before, or there is no such pack.
    static func book(
        _ pack: String, payment: String, amount: Int64, currency: String, of tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> Bought? {
        let booked = try await transaction.query(
            """
            insert into pack_purchases (tenant_id, payment, pack, mails, amount, currency, created_at)
            select \(tenant), \(payment), k.code, k.mails, \(amount), \(currency), \(now) from mail_packs k where k.code = \(pack)
            on conflict do nothing returning mails
            """)
        guard let mails: Int64 = try booked.first?.decode("mails") else { return nil }
        return Bought(pack: pack, mails: mails, payment: payment)
    }

    /// Makes those that wait good for the newest period, where it runs at `now`; what it allows then is reckoned by ``MailAllowance``.
    static func attachWaiting(of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update pack_purchases k set period_start = m.period_start
            from (select period_start, period_end from mail_periods where tenant_id = \(tenant) order by period_start desc limit 1) m
            where k.tenant_id = \(tenant) and k.period_start is null and m.period_end > \(now)
            """)
    }

    /// Adds those that wait to a period that was just made.
    static func attachWaiting(of tenant: TenantID, to period: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            with attached as (
                update pack_purchases set period_start = \(period) where tenant_id = \(tenant) and period_start is null
                returning mails - mails_refunded as mails)
            update mail_periods set allowance = allowance + (select coalesce(sum(mails), 0)::bigint from attached)
            where tenant_id = \(tenant) and period_start = \(period)
            """)
    }

    /// Takes as many of the mails back as money went back, but none that was used or is spoken for; false when no pack was paid with it.
    static func refund(
        payment: String, refunded: Int64, of tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> Bool {
        let rows = try await transaction.query(
            """
            select mails, amount, mails_refunded, period_start from pack_purchases where tenant_id = \(tenant) and payment = \(payment) for update
            """)
        guard let row = rows.first else { return false }
        let mails: Int64 = try row.decode("mails")
        let amount: Int64 = try row.decode("amount")
        let before: Int64 = try row.decode("mails_refunded")
        let period: Date? = try row.decodeOptional("period_start")
        let back = max(before, share(of: mails, refunded: refunded, amount: amount))
        guard back > before else { return true }
        try await transaction.query(
            """
            update pack_purchases set mails_refunded = \(back), refunded_at = \(back == mails ? now : nil)
            where tenant_id = \(tenant) and payment = \(payment)
            """)
        guard let period else { return true }
        try await transaction.query(
            """
            update mail_periods set allowance = greatest(used + reserved, allowance - \(back - before))
            where tenant_id = \(tenant) and period_start = \(period)
            """)
        return true
    }

    /// The part of the mails that goes with a part of the money, rounded down; all of them with all of it.
    static func share(of mails: Int64, refunded: Int64, amount: Int64) -> Int64 {
        guard refunded > 0 else { return 0 }
        guard refunded < amount else { return mails }
        let product = mails.multipliedFullWidth(by: refunded)
        return amount.dividingFullWidth(product).quotient
    }
}
