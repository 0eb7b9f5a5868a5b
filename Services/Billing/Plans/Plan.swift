import Contracts
import Foundation
import Postgres

/// Something a tenant can subscribe to; nil limits are unlimited, prices are in minor units.
struct Plan: Codable, Sendable, Equatable {
    let code: String
    let name: String
    let currency: String
    let monthlyPrice: Int64?
    let yearlyPrice: Int64?
    let mailsPerPeriod: Int64
    let users: Int64?
    let workspaces: Int64?
    let domains: Int64?
    let mailboxes: Int64?
    let leads: Int64?
    let apiCallsPerMinute: Int64?

    init(row: Row) throws(PostgresError) {
        code = try row.decode("code")
        name = try row.decode("name")
        currency = try row.decode("currency")
        monthlyPrice = try row.decodeOptional("monthly_price")
        yearlyPrice = try row.decodeOptional("yearly_price")
        mailsPerPeriod = try row.decode("mails_per_period")
        users = try row.decodeOptional("users")
        workspaces = try row.decodeOptional("workspaces")
        domains = try row.decodeOptional("domains")
        mailboxes = try row.decodeOptional("mailboxes")
        leads = try row.decodeOptional("leads")
        apiCallsPerMinute = try row.decodeOptional("api_calls_per_minute")
    }
}

/// A plan and where it stands among the others: a later one is more.
struct RankedPlan: Sendable, Equatable {
    let plan: Plan
    let position: Int
    let isPublic: Bool
}

/// The SQL of plans.
enum PlanStore {
    static let columns: SQL = """
        p.code, p.name, p.currency, p.monthly_price, p.yearly_price, p.mails_per_period, p.users, p.workspaces, p.domains, p.mailboxes,
        p.leads, p.api_calls_per_minute
        """

    /// What is offered to everybody, the smallest first.
    static func offered(in database: Database) async throws -> [Plan] {
        try await database.query("select \(columns) from plans p where p.is_public order by p.position").map(Plan.init(row:))
    }

    /// The plan with its place in the order of plans; also one that is not offered any more, for those who have it.
    static func find(_ code: String, in database: Database) async throws -> RankedPlan? {
        try await database.query("select \(columns), p.position, p.is_public from plans p where p.code = \(code)").first.map {
            RankedPlan(plan: try Plan(row: $0), position: try $0.decode("position"), isPublic: try $0.decode("is_public"))
        }
    }
}
