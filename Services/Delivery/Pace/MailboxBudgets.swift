import Contracts
import Foundation
import Postgres
import RPC

/// What mailboxes may still send: their limits, and what of them is used and waited for.
struct MailboxBudgets: Sendable {
    /// No more of what waits is counted; whoever plans needs no more to know that a mailbox is full.
    static let mostWaiting = 5_000

    let database: Database

    /// Those of the tenant, by identifier; all figures are of one moment of the database's clock, by which pace is kept.
    func read(_ request: DeliveryRPC.ReadMailboxBudgets) async throws -> [DeliveryRPC.MailboxBudget] {
        guard request.mailboxes.count <= 200 else { throw RPCError(kind: "invalid_batch", message: "At most 200 mailboxes.") }
        guard !request.mailboxes.isEmpty else { return [] }
        let statements = [Self.limits(of: request.mailboxes, request.tenant), Self.usage(of: request.mailboxes, request.tenant)]
        let answers = try await database.transaction(as: request.tenant) { try await $0.pipeline(statements) }
        var usage: [MailboxID: [DeliveryRPC.MailboxBudget.Usage]] = [:]
        for row in answers[1] {
            let hour = DeliveryRPC.MailboxBudget.Usage(hour: try row.decode("hour"), mails: try row.decode("mails"))
            usage[try row.decode("mailbox_id", as: MailboxID.self), default: []].append(hour)
        }
        return try answers[0].map { row in
            let mailbox: MailboxID = try row.decode("id")
            return try Self.budget(row, usage: usage[mailbox] ?? [])
        }
    }

    /// What the last two days' results say of a mailbox, from 100 down: ten points for each per cent of mails refused for good, where fewer than
    /// ``AutoPause/enoughMails`` count as so many, and twenty for each try in a row that reached no server.
    static func health(accepted: Int64, refused: Int64, failures: Int) -> Int {
        let share = Double(refused) / Double(max(accepted + refused, AutoPause.enoughMails))
        return max(0, 100 - Int((share * 1_000).rounded()) - 20 * failures)
    }

    private static func budget(_ row: Row, usage: [DeliveryRPC.MailboxBudget.Usage]) throws -> DeliveryRPC.MailboxBudget {
        let now: Date = try row.decode("now")
        let pace = MailboxPace(
            dailyLimit: try row.decodeOptional("daily_limit"), hourlyLimit: try row.decodeOptional("hourly_limit"),
            gapSeconds: try row.decode("gap_seconds"), warmup: try Warmup(row: row), opensAt: try row.decodeOptional("opens_at"))
        return DeliveryRPC.MailboxBudget(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), address: try row.decode("address"),
            state: try row.decode("state"), stateReason: try row.decodeOptional("state_reason"), dailyLimit: pace.lastingLimit(now: now),
            ramp: pace.plannedLimits(now: now), hourlyLimit: pace.hourlyLimit, gapSeconds: pace.gapSeconds,
            opensAt: pace.opensAt.flatMap { $0 > now ? $0 : nil }, usage: usage, waiting: try row.decode("waiting"),
            health: health(accepted: try row.decode("accepted"), refused: try row.decode("refused"), failures: try row.decode("failures")))
    }

    // MARK: - SQL

    static func limits(of mailboxes: [MailboxID], _ tenant: TenantID) -> SQL {
        let queues = WorkQueue.forMail.map(\.rawValue)
        return """
            select m.id, m.workspace_id, m.address, m.state, m.state_reason, m.daily_limit, m.hourly_limit, m.gap_seconds, m.opens_at,
                   m.failures, now() as now, w.waiting, d.accepted, d.refused, \(Warmup.columns)
            from mailboxes m left join warmup_strategies s on s.name = m.ramp
            cross join lateral (
                select count(*) as waiting from (
                    select 1 from jobs j where j.tenant_id = m.tenant_id and j.lane_id = m.id and j.state = 'queued' and j.queue = any(\(queues))
                      and j.attempt = 0
                    limit \(mostWaiting)) c
            ) w
            cross join lateral (
                select coalesce(sum(x.accepted), 0)::bigint as accepted, coalesce(sum(x.refused), 0)::bigint as refused from mailbox_days x
                where x.tenant_id = m.tenant_id and x.mailbox_id = m.id and x.day >= (now() at time zone 'UTC')::date - 1
            ) d
            where m.tenant_id = \(tenant) and m.id = any(\(mailboxes)) order by m.id
            """
    }

    /// As long as it counts against a limit, by the hour.
    private static func usage(of mailboxes: [MailboxID], _ tenant: TenantID) -> SQL {
        """
        select mailbox_id, date_trunc('hour', minute) as hour, sum(mails) as mails from mailbox_minutes
        where tenant_id = \(tenant) and mailbox_id = any(\(mailboxes))
          and minute > now() - make_interval(secs => \(86_400 + MailboxPace.guardTime)) and mails > 0
        group by 1, 2 order by 1, 2
        """
    }
}

extension MailboxPace {
    /// The day's limit when the planned days are over; of a warm-up that is paused, the one that holds as long as it is.
    func lastingLimit(now: Date) -> Int? {
        warmup?.lastingLimit(at: now, target: target) ?? dailyLimit
    }

    /// The limits of a warm-up's days to come, today's first, to the first that is the whole; empty without one, after it, and while it is paused.
    func plannedLimits(now: Date) -> [Int] {
        warmup?.plan(at: now, target: target) ?? []
    }
}
