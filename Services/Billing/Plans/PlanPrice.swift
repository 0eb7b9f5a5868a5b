import Foundation
import Postgres

/// How often a plan is paid.
enum BillingInterval: String, Codable, Sendable, CaseIterable {
    case month, year

    /// A longer one is paid less often.
    var months: Int {
        switch self {
        case .month: 1
        case .year: 12
        }
    }
}

/// What a plan costs in one currency, and Stripe's price of it; a browser names plan and interval, never this.
struct PlanPrice: Sendable, Equatable {
    let plan: String
    let interval: BillingInterval
    let money: Money
    /// Nil until somebody has made the price at Stripe.
    let stripePrice: String?

    init(row: Row) throws(PostgresError) {
        plan = try row.decode("plan")
        interval = try row.decode("interval")
        money = Money(amount: try row.decode("amount"), currency: try row.decode("currency"))
        stripePrice = try row.decodeOptional("stripe_price")
    }
}

/// Mails that are bought once and are good until the period ends.
struct MailPack: Sendable, Equatable {
    let code: String
    let mails: Int64
    let money: Money
    let stripePrice: String?

    init(row: Row) throws(PostgresError) {
        code = try row.decode("code")
        mails = try row.decode("mails")
        money = Money(amount: try row.decode("amount"), currency: try row.decode("currency"))
        stripePrice = try row.decodeOptional("stripe_price")
    }
}

/// The SQL of prices.
enum PriceStore {
    private static let columns: SQL = "x.plan, x.interval, x.currency, x.amount, x.stripe_price"

    static func all(in database: Database) async throws -> [PlanPrice] {
        try await database.query("select \(columns) from plan_prices x order by x.plan, x.currency, x.interval").map(PlanPrice.init(row:))
    }

    static func find(_ plan: String, _ interval: BillingInterval, _ currency: String, in database: Database) async throws -> PlanPrice? {
        try await database.query(
            """
            select \(columns) from plan_prices x where x.plan = \(plan) and x.interval = \(interval) and x.currency = \(currency)
            """
        ).first.map(PlanPrice.init(row:))
    }

    /// The currencies in which something can be bought.
    static func currencies(in database: Database) async throws -> [String] {
        try await database.query("select distinct x.currency from plan_prices x order by x.currency").map { try $0.decode("currency") }
    }

    static func packs(in database: Database) async throws -> [MailPack] {
        try await database.query("select x.code, x.mails, x.currency, x.amount, x.stripe_price from mail_packs x order by x.mails, x.code")
            .map(MailPack.init(row:))
    }

    static func pack(_ code: String, in database: Database) async throws -> MailPack? {
        try await database.query("select x.code, x.mails, x.currency, x.amount, x.stripe_price from mail_packs x where x.code = \(code)")
            .first.map(MailPack.init(row:))
    }
}
