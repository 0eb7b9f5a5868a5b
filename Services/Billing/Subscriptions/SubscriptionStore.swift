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
        try await open(BillingPeriod(start: start, end: end), of: tenant, in: transaction)
        return true
    }

    /// Makes the period's row with the plan's allowance; whoever comes second waits for the first one and changes nothing.
    static func open(_ period: BillingPeriod, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into mail_periods (tenant_id, period_start, period_end, allowance)
            select s.tenant_id, \(period.start), \(period.end), p.mails_per_period from subscriptions s join plans p on p.code = s.plan
            where s.tenant_id = \(tenant) on conflict do nothing
            """)
    }

    /// Nil until the tenant's creation has been heard of.
    static func standing(of tenant: TenantID, now: Date, in database: Database) async throws -> Standing? {
        try await database.query(as: tenant, select(tenant)).first.map { try standing($0, now: now) }
    }

    /// Nil until the tenant's creation has been heard of.
    static func standing(of tenant: TenantID, now: Date, in transaction: Transaction) async throws -> Standing? {
        try await transaction.query(select(tenant)).first.map { try standing($0, now: now) }
    }

    /// The subscription with the newest period that mails were counted in.
    private static func select(_ tenant: TenantID) -> SQL {
        """
        select \(PlanStore.columns), s.status, s.trial_ends_at, s.period_start, s.period_end,
               m.period_start as counted_start, m.period_end as counted_end, m.allowance, m.used, m.reserved
        from subscriptions s join plans p on p.code = s.plan
        cross join lateral (
            select * from mail_periods m where m.tenant_id = s.tenant_id order by m.period_start desc limit 1) m
        where s.tenant_id = \(tenant)
        """
    }

    private static func standing(_ row: Row, now: Date) throws -> Standing {
        let plan = try Plan(row: row)
        let status = try row.decode("status", as: String.self)
        let trialEndsAt: Date? = try row.decodeOptional("trial_ends_at")
        let counted = BillingPeriod(start: try row.decode("counted_start"), end: try row.decode("counted_end"))
        guard counted.end <= now, Standing.maySend(status: status, trialEndsAt: trialEndsAt, now: now) else {
            return Standing(
                plan: plan, status: status, trialEndsAt: trialEndsAt, period: counted, allowance: try row.decode("allowance"),
                used: try row.decode("used"), reserved: try row.decode("reserved"), isPeriodOpen: true)
        }
        let subscribed = BillingPeriod(start: try row.decode("period_start"), end: try row.decode("period_end"))
        return Standing(
            plan: plan, status: status, trialEndsAt: trialEndsAt, period: subscribed.renewed(at: now), allowance: plan.mailsPerPeriod, used: 0,
            reserved: 0, isPeriodOpen: false)
    }
}
