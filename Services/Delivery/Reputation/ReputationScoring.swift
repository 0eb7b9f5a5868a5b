import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Writes the last score of every domain and mailbox, for lists and for warm-ups; each domain is a small transaction of its own.
struct ReputationScoring: Sendable {
    let database: Database
    let outbox: Outbox
    let clock: WallClock

    private static let batch = 200

    /// Scores whoever has sent lately; who has not any more has no score.
    func run() async throws {
        let now = clock.now
        let today = CivilDay.number(at: now)
        let first = CivilDay.text(of: today - ReputationScore.lookBack)
        var after: (tenant: TenantID, domain: String) = (.zero, "")
        while true {
            let domains = try await database.query(
                """
                select distinct tenant_id, domain from reputation_days
                where (tenant_id, domain) > (\(after.tenant), \(after.domain)) and day >= \(first)::date order by 1, 2 limit \(Self.batch)
                """
            ).map { (tenant: try $0.decode("tenant_id", as: TenantID.self), domain: try $0.decode("domain", as: String.self)) }
            for found in domains { try await score(found.domain, of: found.tenant, on: today, now: now) }
            outbox.wake()
            guard let last = domains.last, domains.count == Self.batch else { break }
            after = last
        }
        try await database.query(
            """
            update reputations set score = null, band = null, reason = \(ReputationScore.notEnoughMail), accepted = 0, bounces = 0, complaints = 0,
                unsubscribes = 0, checked_at = \(now)
            where checked_at < \(now) and score is not null
            """)
    }

    /// A domain and its mailboxes.
    func score(_ domain: String, of tenant: TenantID, on today: Int, now: Date) async throws {
        let rows = try await database.query(
            """
            select mailbox_id, day::text as day, accepted, refused, hard_bounces, soft_bounces, complaints, unsubscribes, replies from reputation_days
            where tenant_id = \(tenant) and domain = \(domain) and day >= \(CivilDay.text(of: today - ReputationScore.lookBack))::date
            """)
        var mailboxes: [String: [Int: ReputationCounts]] = [:]
        var whole: [Int: ReputationCounts] = [:]
        for row in rows {
            let day = CivilDay.number(of: try row.decode("day", as: String.self)) ?? 0
            let counts = try ReputationCounts(row: row)
            mailboxes[try row.decode("mailbox_id", as: MailboxID.self).description, default: [:]][day] = counts
            whole[day, default: ReputationCounts()] = (whole[day] ?? ReputationCounts()) + counts
        }
        var scored: [(scope: ReputationScope, subject: String, score: ReputationScore)] = [(.domain, domain, ReputationScore(on: today, of: whole))]
        // In one order, so that two that score at the same time wait for each other instead of failing.
        for (mailbox, days) in mailboxes.sorted(by: { $0.key < $1.key }) { scored.append((.mailbox, mailbox, ReputationScore(on: today, of: days))) }
        let subjects = scored
        try await database.transaction { try await write(subjects, of: tenant, now: now, in: $0) }
    }

    private typealias Scored = (scope: ReputationScope, subject: String, score: ReputationScore)

    /// Writes scores, and tells which bands have changed; that somebody begins in the green is no news.
    private func write(_ scored: [Scored], of tenant: TenantID, now: Date, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select r.scope, r.subject, r.band from unnest(\(scored.map(\.scope.rawValue)), \(scored.map(\.subject))) as n (scope, subject)
            join reputations r on r.tenant_id = \(tenant) and r.scope = n.scope and r.subject = n.subject
            order by r.scope, r.subject for no key update of r
            """)
        var bands: [String: String] = [:]
        for row in rows {
            bands["\(try row.decode("scope", as: String.self)):\(try row.decode("subject", as: String.self))"] = try row.decodeOptional("band")
        }
        try await transaction.query(
            """
            insert into reputations as r (tenant_id, scope, subject, score, band, reason, accepted, bounces, complaints, unsubscribes, checked_at)
            select \(tenant), n.*, \(now)::timestamptz from unnest(\(scored.map(\.scope.rawValue)), \(scored.map(\.subject)),
                \(PostgresOptionals(scored.map { $0.score.score.map(Int32.init) })), \(PostgresOptionals(scored.map { $0.score.band?.rawValue })),
                \(PostgresOptionals(scored.map(\.score.reason))), \(scored.map(\.score.counts.accepted)), \(scored.map(\.score.counts.bounces)),
                \(scored.map(\.score.counts.complaints)), \(scored.map(\.score.counts.unsubscribes))) as n
            on conflict (tenant_id, scope, subject) do update set score = excluded.score, band = excluded.band, reason = excluded.reason,
                accepted = excluded.accepted, bounces = excluded.bounces, complaints = excluded.complaints, unsubscribes = excluded.unsubscribes,
                checked_at = excluded.checked_at
            """)
        let events = try scored.compactMap { entry -> PendingEvent? in
            let (band, previous) = (entry.score.band?.rawValue, bands["\(entry.scope.rawValue):\(entry.subject)"])
            guard band != previous, previous != nil || entry.score.band != .green else { return nil }
            return try PendingEvent(
                DeliveryEvents.ReputationBandChanged(scope: entry.scope.rawValue, subject: entry.subject, band: band, previous: previous), at: now,
                tenant: tenant, actor: .system("delivery"))
        }
        try await outbox.append(events, in: transaction)
    }
}

extension CivilDay {
    /// The day in UTC, by which mail is counted.
    static func number(at instant: Date) -> Int {
        Int((instant.timeIntervalSince1970 / 86_400).rounded(.down))
    }
}
