import Contracts
import Foundation
import Postgres

/// The SQL of subscriptions and their periods.
enum SubscriptionStore {
    /// False when the tenant has a subscription already.
    static func insertTrial(
        of tenant: TenantID, plan: String, from start: Date, to end: Date, in transaction: Transaction
    ) async throws -> Bool {
        let inserted = try await transaction.query(
            """
            insert into subscriptions (tenant_id, plan, status, period_start, period_end, trial_ends_at, created_at)
            values (\(tenant), \(plan), 'trialing', \(start), \(end), \(end), \(start)) on conflict do nothing returning tenant_id
            """)
        guard !inserted.isEmpty else { return false }
        try await transaction.query(
            """
            insert into mail_periods (tenant_id, period_start, period_end, allowance)
            select \(tenant), \(start), \(end), mails_per_period from plans where code = \(plan)
            """)
        return true
    }

    /// Nil until the tenant's creation has been heard of.
    static func standing(of tenant: TenantID, now: Date, in database: Database) async throws -> Standing? {
        let rows = try await database.query(
            as: tenant,
            """
            select \(PlanStore.columns), s.status, s.period_start, s.period_end, s.trial_ends_at, m.allowance, m.used, m.reserved
            from subscriptions s join plans p on p.code = s.plan
            join mail_periods m on m.tenant_id = s.tenant_id and m.period_start = s.period_start
            where s.tenant_id = \(tenant)
            """)
        return try rows.first.map { row in
            Standing(
                plan: try Plan(row: row), status: try row.decode("status"), periodStart: try row.decode("period_start"),
                periodEnd: try row.decode("period_end"), trialEndsAt: try row.decodeOptional("trial_ends_at"),
                allowance: try row.decode("allowance"), used: try row.decode("used"), reserved: try row.decode("reserved"))
        }
    }
}
