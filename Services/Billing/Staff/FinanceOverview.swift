import Contracts
import Foundation
import Postgres

/// How the whole platform stands.
struct FinanceOverview: Encodable, Sendable, Equatable {
    struct Group: Encodable, Sendable, Equatable {
        let plan: String
        let status: String
        let tenants: Int
    }

    /// Monthly recurring revenue in one currency: what active and past due subscriptions cost a month.
    struct Revenue: Encodable, Sendable, Equatable {
        /// In the currency's smallest unit.
        let amount: Int64
        let currency: String
        let subscriptions: Int
    }

    let tenants: [Group]
    let mrr: [Revenue]
    let asOf: Date

    /// What one currency's subscriptions cost, by how often it is paid.
    struct Sum: Sendable, Equatable {
        let currency: String
        let interval: String
        let amount: Int64
        let subscriptions: Int
    }

    /// A year is twelve months; what the sum of a currency's years leaves over is dropped, once a currency.
    static func revenue(_ sums: [Sum]) -> [Revenue] {
        Dictionary(grouping: sums, by: \.currency).map { currency, sums in
            Revenue(
                amount: sums.reduce(0) { $0 + ($1.interval == "year" ? $1.amount / 12 : $1.amount) }, currency: currency,
                subscriptions: sums.reduce(0) { $0 + $1.subscriptions })
        }.sorted { $0.currency < $1.currency }
    }
}

/// The SQL of the overview; over all companies, so by nobody but staff.
enum FinanceOverviewStore {
    static func read(at now: Date, in database: Database) async throws -> FinanceOverview {
        let groups = try await database.query(
            "select s.plan, s.status, count(*) as n from subscriptions s group by s.plan, s.status order by s.plan, s.status"
        ).map { FinanceOverview.Group(plan: try $0.decode("plan"), status: try $0.decode("status"), tenants: try $0.decode("n")) }
        let sums = try await database.query(
            """
            select s.currency, s.interval, sum(s.amount)::bigint as amount, count(*) as n from subscriptions s
            where s.status in ('active', 'past_due') and s.amount is not null and s.currency is not null and s.interval is not null
            group by s.currency, s.interval
            """
        ).map { row in
            FinanceOverview.Sum(
                currency: try row.decode("currency"), interval: try row.decode("interval"), amount: try row.decode("amount"),
                subscriptions: try row.decode("n"))
        }
        return FinanceOverview(tenants: groups, mrr: FinanceOverview.revenue(sums), asOf: now)
    }
}
