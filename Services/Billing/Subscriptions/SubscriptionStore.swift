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
            insert into subscriptions (tenant_id, plan, status, period_start, period_end, trial_ends_at, created_at, access_due_at)
            values (\(tenant), \(plan), 'trialing', \(start), \(end), \(end), \(start), \(end)) on conflict do nothing
            returning (select mails_per_period from plans where code = \(plan)) as mails
            """)
        guard let row = inserted.first else { return false }
        try await open(BillingPeriod(start: start, end: end), allowance: row.decode("mails"), of: tenant, in: transaction)
        return true
    }

    /// Makes the period's row, with the packs that waited for one; whoever comes second waits for the first one and changes nothing.
    static func open(_ period: BillingPeriod, allowance: Int64, of tenant: TenantID, in transaction: Transaction) async throws {
        let isNew =
            try await transaction.query(
                """
                insert into mail_periods (tenant_id, period_start, period_end, allowance, plan_mails)
                select \(tenant), \(period.start), \(period.end), \(allowance), p.mails_per_period
                from subscriptions s join plans p on p.code = s.plan where s.tenant_id = \(tenant) on conflict do nothing
                """
            ).affected > 0
        if isNew { try await PackStore.attachWaiting(of: tenant, to: period.start, in: transaction) }
    }

    /// Nil until the tenant's creation has been heard of.
    static func standing(of tenant: TenantID, now: Date, in database: Database) async throws -> Standing? {
        try await database.query(as: tenant, select(tenant, now)).first.map { try standing($0, now: now) }
    }

    /// Nil until the tenant's creation has been heard of.
    static func standing(of tenant: TenantID, now: Date, in transaction: Transaction) async throws -> Standing? {
        try await transaction.query(select(tenant, now)).first.map { try standing($0, now: now) }
    }

    /// The subscription with the newest period that mails were counted in.
    private static func select(_ tenant: TenantID, _ now: Date) -> SQL {
        """
        select \(PlanStore.columns), s.status, s.trial_ends_at, s.past_due_since, s.stripe_subscription is not null as at_stripe, s.interval,
               s.period_start, s.period_end, m.period_start as counted_start, m.period_end as counted_end, m.allowance, m.used, m.reserved,
               a.granted_access, a.granted_until, l.granted_limits
        from subscriptions s join plans p on p.code = s.plan
        cross join lateral (
            select m.period_start, m.period_end, m.allowance, m.used, m.reserved from mail_periods m where m.tenant_id = s.tenant_id
            order by m.period_start desc limit 1) m
        \(AccessGrant.join(at: now))
        where s.tenant_id = \(tenant)
        """
    }

    private static func standing(_ row: Row, now: Date) throws -> Standing {
        let plan = try Plan(row: row)
        let trialEndsAt: Date? = try row.decodeOptional("trial_ends_at")
        let facts = AccessFacts(
            status: try row.decode("status"), trialEndsAt: trialEndsAt, pastDueSince: try row.decodeOptional("past_due_since"),
            isAtStripe: try row.decode("at_stripe"), grant: try AccessGrant.joined(row))
        let counted = BillingPeriod(start: try row.decode("counted_start"), end: try row.decode("counted_end"))
        guard counted.end <= now, facts.maySend(at: now) else {
            return Standing(
                plan: plan, facts: facts, trialEndsAt: trialEndsAt, period: counted, allowance: try row.decode("allowance"),
                used: try row.decode("used"), reserved: try row.decode("reserved"), isPeriodOpen: true)
        }
        let subscribed = BillingPeriod(start: try row.decode("period_start"), end: try row.decode("period_end"))
        let period = subscribed.mailPeriod(at: now, interval: try row.decodeOptional("interval")).following(counted)
        return Standing(
            plan: plan, facts: facts, trialEndsAt: trialEndsAt, period: period, allowance: PlanLimits(plan, facts.grant).mails, used: 0,
            reserved: 0, isPeriodOpen: false)
    }
}
