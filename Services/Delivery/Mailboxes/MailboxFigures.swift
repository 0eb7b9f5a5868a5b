import Contracts
import Foundation
import Postgres

/// How a mailbox fares, for lists: what it has sent of what it may, and its reputation.
struct MailboxFigures: Encodable, Sendable {
    struct Today: Encodable, Sendable {
        /// Mails begun within the last 24 hours, by which its limit is kept.
        let sent: Int
        /// Of 24 hours, of a warm-up as it is today; nil without one.
        let limit: Int?
    }

    let today: Today
    /// The last one; nil where too little was sent for one.
    let score: Int?
    let band: ReputationScore.Band?
}

/// The SQL of mailboxes' figures.
enum MailboxFigureStore {
    /// Of all these in one question.
    static func read(_ mailboxes: [MailboxID], of tenant: TenantID, in database: Database) async throws -> [MailboxID: MailboxFigures] {
        guard !mailboxes.isEmpty else { return [:] }
        let rows = try await database.query(
            as: tenant,
            """
            select m.id, m.daily_limit, now() as now, u.sent, r.score, r.band, \(Warmup.columns)
            from mailboxes m left join warmup_strategies s on s.name = m.ramp
            left join reputations r on r.tenant_id = m.tenant_id and r.scope = 'mailbox' and r.subject = m.id::text
            cross join lateral (
                select coalesce(sum(x.mails), 0)::bigint as sent from mailbox_minutes x
                where x.tenant_id = m.tenant_id and x.mailbox_id = m.id and x.minute > now() - interval '24 hours'
            ) u
            where m.tenant_id = \(tenant) and m.id = any(\(mailboxes))
            """)
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let pace = MailboxPace(dailyLimit: try row.decodeOptional("daily_limit"), warmup: try Warmup(row: row))
                let figures = MailboxFigures(
                    today: .init(sent: try row.decode("sent"), limit: pace.effectiveDailyLimit(now: try row.decode("now"))),
                    score: try row.decodeOptional("score"),
                    band: try row.decodeOptional("band", as: String.self).flatMap(ReputationScore.Band.init))
                return (try row.decode("id", as: MailboxID.self), figures)
            })
    }
}
