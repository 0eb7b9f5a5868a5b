import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Looks back, every hour, on the days of warm-ups that have just ended: what the mailbox' and its domain's bands say of them, once a day.
struct WarmupAdvance: Sendable {
    let database: Database
    let outbox: Outbox
    let clock: WallClock

    private static let batch = 500

    /// How many it looked back on.
    @discardableResult
    func run() async throws -> Int {
        let now = clock.now
        var judged = 0
        var after: (tenant: TenantID, mailbox: MailboxID) = (.zero, .zero)
        while true {
            let (found, changed) = try await step(after: after, now: now)
            judged += changed
            outbox.wake()
            guard let last = found.last, found.count == Self.batch else { return judged }
            after = last
        }
    }

    private func step(
        after: (tenant: TenantID, mailbox: MailboxID), now: Date
    ) async throws -> (found: [(tenant: TenantID, mailbox: MailboxID)], changed: Int) {
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                select m.tenant_id, \(WarmupStore.Entry.columns), b.band as mailbox_band, d.band as domain_band
                from mailboxes m join warmup_strategies s on s.name = m.ramp
                left join reputations b on b.tenant_id = m.tenant_id and b.scope = 'mailbox' and b.subject = m.id::text
                left join reputations d on d.tenant_id = m.tenant_id and d.scope = 'domain' and d.subject = split_part(m.address, '@', 2)
                where m.ramp is not null and (m.tenant_id, m.id) > (\(after.tenant), \(after.mailbox))
                order by m.tenant_id, m.id limit \(Self.batch) for no key update of m
                """)
            var found: [(tenant: TenantID, mailbox: MailboxID)] = []
            var arrived: [PendingEvent] = []
            var changed: [(tenant: TenantID, mailbox: MailboxID, warmup: Warmup)] = []
            for row in rows {
                let tenant: TenantID = try row.decode("tenant_id")
                let entry = try WarmupStore.Entry(row: row)
                found.append((tenant, entry.mailbox))
                guard var warmup = entry.warmup else { continue }
                let bands = try [
                    row.decodeOptional("mailbox_band", as: String.self), row.decodeOptional("domain_band", as: String.self),
                ].compactMap { $0.flatMap(ReputationScore.Band.init) }
                let wasThere = warmup.hasArrived
                guard warmup.judge(Warmup.Judgement(bands.min(), isSending: entry.state == "active"), at: now) else { continue }
                changed.append((tenant, entry.mailbox, warmup))
                guard warmup.hasArrived, !wasThere else { continue }
                arrived.append(
                    try PendingEvent(
                        DeliveryEvents.WarmupFinished(mailbox: entry.mailbox, strategy: warmup.strategy.name), at: now, tenant: tenant,
                        workspace: entry.workspace, actor: .system("delivery")))
            }
            guard !changed.isEmpty else { return (found, 0) }
            try await transaction.query(
                """
                update mailboxes m set warmup_lag_days = n.lag, warmup_judged_days = n.judged, warmup_judgement = n.judgement
                from unnest(\(changed.map(\.tenant)), \(changed.map(\.mailbox)), \(changed.map(\.warmup.lagDays)),
                    \(changed.map(\.warmup.judgedDays)), \(PostgresOptionals(changed.map { $0.warmup.judgement?.rawValue })))
                    as n (tenant_id, id, lag, judged, judgement)
                where m.tenant_id = n.tenant_id and m.id = n.id
                """)
            try await outbox.append(arrived, in: transaction)
            return (found, changed.count)
        }
    }
}
