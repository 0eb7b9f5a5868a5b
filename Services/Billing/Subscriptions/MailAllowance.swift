import Contracts
import Foundation
import Postgres

/// How many mails a tenant's period has: the plan's or the grant's, and the packs that were bought for it.
enum MailAllowance {
    /// Opens the stretch that runs now, where mail may go out, and brings its allowance up; what was taken out is never taken back.
    ///
    /// For whoever holds the lock on the tenant's subscription, with what access follows from as it was read under that lock. A plan that is changed
    /// within a period raises the plan's part of it and never lowers it: the larger one was paid for. A grant that speaks of mails says what there
    /// is instead, up or down, for as long as it holds. Packs that were paid while nothing ran are good for what runs now.
    static func settle(_ tenant: TenantID, _ facts: AccessFacts, at now: Date, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select \(PlanStore.columns), s.interval, s.period_start, s.period_end, m.period_start as counted_start, m.period_end as counted_end
            from subscriptions s join plans p on p.code = s.plan
            left join lateral (
                select m.period_start, m.period_end from mail_periods m where m.tenant_id = s.tenant_id
                order by m.period_start desc limit 1) m on true
            where s.tenant_id = \(tenant)
            """)
        guard let row = rows.first else { return }
        let (plan, grant, mayMail) = (try Plan(row: row), facts.grant, facts.maySend(at: now))
        let planned = plan.mailsPerPeriod
        let granted: Int64? = grant?.limits.keys.contains("mails") == true ? PlanLimits(plan, grant).mails : nil
        let paid = BillingPeriod(start: try row.decode("period_start"), end: try row.decode("period_end"))
        var stretch = paid.mailPeriod(at: now, interval: try row.decodeOptional("interval"))
        var isNext = true
        if let start: Date = try row.decodeOptional("counted_start"), let end: Date = try row.decodeOptional("counted_end") {
            isNext = start <= stretch.start || end <= now
            stretch = stretch.following(BillingPeriod(start: start, end: end))
        }
        if mayMail, isNext {
            try await transaction.query(
                """
                insert into mail_periods as m (tenant_id, period_start, period_end, allowance, plan_mails)
                values (\(tenant), \(stretch.start), \(stretch.end), \(granted ?? planned), \(planned))
                on conflict (tenant_id, period_start) do update set period_end = excluded.period_end where m.period_end <> excluded.period_end
                """)
        }
        if mayMail { try await PackStore.attachWaiting(of: tenant, at: now, in: transaction) }
        try await transaction.query(
            """
            update mail_periods m set plan_mails = greatest(m.plan_mails, \(planned)),
                allowance = greatest(m.used + m.reserved, coalesce(\(granted)::bigint, greatest(m.plan_mails, \(planned))) + b.mails)
            from (select coalesce(sum(k.mails - k.mails_refunded), 0)::bigint as mails from pack_purchases k
                  where k.tenant_id = \(tenant) and k.period_start = (select max(period_start) from mail_periods where tenant_id = \(tenant))) b
            where m.tenant_id = \(tenant) and m.period_start = (select max(period_start) from mail_periods where tenant_id = \(tenant))
            """)
    }
}
