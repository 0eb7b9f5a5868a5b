import Contracts
import Foundation
import Postgres

/// A plan as staff edit it: also one that nobody can choose any more, with what it is at Stripe.
struct PlanRecord: Encodable, Sendable {
    struct Price: Codable, Sendable, Equatable {
        let interval: BillingInterval
        let currency: String
        /// In the currency's smallest unit.
        let amount: Int64
        let stripePrice: String?
    }

    let code: String
    let name: String
    let position: Int
    /// By name; null is unlimited.
    let limits: [String: Int64?]
    let isPublic: Bool
    let stripeProduct: String?
    let prices: [Price]
    let revision: Int64
}

/// The SQL of editing plans.
enum PlanRecordStore {
    private static let columns: SQL = """
        p.code, p.name, p.position, p.mails_per_period, p.users, p.workspaces, p.domains, p.mailboxes, p.leads, p.api_calls_per_minute,
        p.is_public, p.stripe_product, p.revision
        """

    static func all(in database: Database) async throws -> [PlanRecord] {
        let prices = try await database.query("select x.plan, x.interval, x.currency, x.amount, x.stripe_price from plan_prices x")
        return try await database.query("select \(columns) from plans p order by p.position").map { try record($0, prices) }
    }

    static func find(_ code: String, in database: Database) async throws -> PlanRecord? {
        let prices = try await database.query(
            "select x.plan, x.interval, x.currency, x.amount, x.stripe_price from plan_prices x where x.plan = \(code)")
        return try await database.query("select \(columns) from plans p where p.code = \(code)").first.map { try record($0, prices) }
    }

    /// Locked until the transaction ends, so that of two changes at once none is lost.
    static func lock(_ code: String, in transaction: Transaction) async throws -> PlanRecord? {
        guard let row = try await transaction.query("select \(columns) from plans p where p.code = \(code) for update").first else { return nil }
        let prices = try await transaction.query(
            "select x.plan, x.interval, x.currency, x.amount, x.stripe_price from plan_prices x where x.plan = \(code)")
        return try record(row, prices)
    }

    static func update(_ code: String, _ change: PlanEditor.Change, in transaction: Transaction) async throws {
        func limit(_ name: String) -> Int64? { change.limits[name] ?? nil }
        try await transaction.query(
            """
            update plans set name = \(change.name), is_public = \(change.isPublic), stripe_product = \(change.stripeProduct),
                mails_per_period = \(change.mails), users = \(limit("users")), workspaces = \(limit("workspaces")), domains = \(limit("domains")),
                mailboxes = \(limit("mailboxes")), leads = \(limit("leads")), api_calls_per_minute = \(limit("api_calls_per_minute")),
                revision = revision + 1
            where code = \(code)
            """)
    }

    /// A batch of those who have the plan, after `last`, is looked at again soon, so that the period's allowance follows; the last of them, nil when
    /// no other comes after.
    static func wakeSubscribers(
        of code: String, after last: TenantID?, batch: Int = 1_000, at now: Date, in database: Database
    ) async throws -> TenantID? {
        let woken = try await database.query(
            """
            with due as (
                select tenant_id from subscriptions where plan = \(code) and (\(last)::uuid is null or tenant_id > \(last)::uuid)
                order by tenant_id limit \(batch)),
            woken as (
                update subscriptions s set access_due_at = least(coalesce(s.access_due_at, \(now)), \(now)) from due
                where s.tenant_id = due.tenant_id)
            select tenant_id from due order by tenant_id
            """)
        guard woken.count == batch, let end = woken.last else { return nil }
        return try end.decode("tenant_id", as: TenantID.self)
    }

    /// Whoever pays a price that nobody knew is read again soon: it may be one that is known now.
    static func wakeUnknownPrices(at now: Date, in database: Database) async throws {
        try await database.query(
            """
            update subscriptions set access_due_at = least(coalesce(access_due_at, \(now)), \(now))
            where flags <> '{}' and \(SubscriptionState.Flag.unknownPrice) = any(flags)
            """)
    }

    static func set(_ prices: [PlanRecord.Price], of code: String, in transaction: Transaction) async throws {
        for price in prices {
            try await transaction.query(
                """
                insert into plan_prices (plan, interval, currency, amount, stripe_price)
                values (\(code), \(price.interval), \(price.currency), \(price.amount), \(price.stripePrice))
                on conflict (plan, interval, currency) do update set amount = excluded.amount, stripe_price = excluded.stripe_price
                """)
        }
        // What stands on the plan itself is what its own currency costs.
        try await transaction.query(
            """
            update plans p set revision = p.revision + 1,
                monthly_price = (select x.amount from plan_prices x where x.plan = p.code and x.interval = 'month' and x.currency = p.currency),
                yearly_price = (select x.amount from plan_prices x where x.plan = p.code and x.interval = 'year' and x.currency = p.currency)
            where p.code = \(code)
            """)
    }

    private static func record(_ row: Row, _ prices: Rows) throws -> PlanRecord {
        let code: String = try row.decode("code")
        let own = try prices.filter { try $0.decode("plan", as: String.self) == code }.map { price in
            PlanRecord.Price(
                interval: try price.decode("interval"), currency: try price.decode("currency"), amount: try price.decode("amount"),
                stripePrice: try price.decodeOptional("stripe_price"))
        }
        let limits: [String: Int64?] = [
            "mails": try row.decode("mails_per_period", as: Int64.self), "users": try row.decodeOptional("users", as: Int64.self),
            "workspaces": try row.decodeOptional("workspaces", as: Int64.self), "domains": try row.decodeOptional("domains", as: Int64.self),
            "mailboxes": try row.decodeOptional("mailboxes", as: Int64.self), "leads": try row.decodeOptional("leads", as: Int64.self),
            "api_calls_per_minute": try row.decodeOptional("api_calls_per_minute", as: Int64.self),
        ]
        return PlanRecord(
            code: code, name: try row.decode("name"), position: try row.decode("position"), limits: limits, isPublic: try row.decode("is_public"),
            stripeProduct: try row.decodeOptional("stripe_product"),
            prices: own.sorted { ($0.currency, $0.interval.months) < ($1.currency, $1.interval.months) }, revision: try row.decode("revision"))
    }
}
