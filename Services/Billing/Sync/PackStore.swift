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

    /// The pack's mails in the period that runs now; nil when this payment has been booked before, or there is no such pack.
    static func book(
        _ pack: String, payment: String, amount: Int64, currency: String, period: Date, of tenant: TenantID, at now: Date,
        in transaction: Transaction
    ) async throws -> Bought? {
        let booked = try await transaction.query(
            """
            insert into pack_purchases (tenant_id, payment, pack, mails, period_start, amount, currency, created_at)
            select \(tenant), \(payment), k.code, k.mails, \(period), \(amount), \(currency), \(now) from mail_packs k where k.code = \(pack)
            on conflict do nothing returning mails
            """)
        guard let mails: Int64 = try booked.first?.decode("mails") else { return nil }
        try await transaction.query(
            "update mail_periods set allowance = allowance + \(mails) where tenant_id = \(tenant) and period_start = \(period)")
        return Bought(pack: pack, mails: mails, payment: payment)
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
        let period: Date = try row.decode("period_start")
        let back = max(before, share(of: mails, refunded: refunded, amount: amount))
        guard back > before else { return true }
        try await transaction.pipeline([
            """
            update pack_purchases set mails_refunded = \(back), refunded_at = \(back == mails ? now : nil)
            where tenant_id = \(tenant) and payment = \(payment)
            """,
            """
            update mail_periods set allowance = greatest(used + reserved, allowance - \(back - before))
            where tenant_id = \(tenant) and period_start = \(period)
            """,
        ])
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
