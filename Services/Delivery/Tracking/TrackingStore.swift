import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of what was noticed of mails.
enum TrackingStore {
    /// One at a time judges, whatever the number of replicas: neighbours are judged by one who sees them all.
    private static let judgeLock = 7_301_204_420

    /// Writes hits, a few thousand a statement; those whose company or person wants nothing noticed any more, and those of mail that is gone, fall away.
    static func insert(_ batch: [HitBuffer.Key: HitBuffer.Entry], in database: Database) async throws {
        let all = Array(batch)
        for start in stride(from: 0, to: all.count, by: 5_000) {
            let part = all[start..<min(start + 5_000, all.count)]
            try await database.query(
                """
                insert into tracking_hits (tenant_id, id, send_id, kind, link, links, visitor, at, times)
                select n.tenant_id, n.id, n.send_id, n.kind, n.link, n.links, n.visitor, n.at, n.times
                from unnest(\(part.map(\.key.tenant)), \(part.map { UUID.v7(at: $0.value.at) }), \(part.map(\.key.send)), \(part.map(\.key.kind.word)),
                            \(part.map { Int($0.key.link) }), \(part.map { Int($0.key.links) }), \(part.map(\.key.visitor.rawValue)),
                            \(part.map(\.value.at)), \(part.map(\.value.times)))
                     as n (tenant_id, id, send_id, kind, link, links, visitor, at, times)
                join sends s on s.tenant_id = n.tenant_id and s.id = n.send_id
                left join tracking_settings t on t.tenant_id = n.tenant_id
                where case n.kind when 'open' then coalesce(t.opens, false) else coalesce(t.clicks, true) end
                  and not exists (select from tracking_opt_outs o where o.tenant_id = n.tenant_id and o.subject = s.recipient)
                """)
        }
    }

    struct StoredHit: Sendable {
        let tenant: TenantID
        let id: UUID
        let send: SendID
        let hit: TrackedHit
        let times: Int
        let isJudged: Bool
        let sendKey: String
        let campaign: CampaignID?
        let enrolment: EnrolmentID?
        let sentAt: Date?
    }

    /// The hits of mails that have some which are old enough to be judged, with their neighbours; empty when another replica judges.
    static func due(before cut: Date, limit: Int, in transaction: Transaction) async throws -> [StoredHit] {
        let isOurs: Bool = try await transaction.query("select pg_try_advisory_xact_lock(\(judgeLock)) as ours")[0].decode("ours")
        guard isOurs else { return [] }
        return try await transaction.query(
            """
            with due as (
                select distinct d.tenant_id, d.send_id from (
                    select tenant_id, send_id from tracking_hits where judged_at is null and at <= \(cut) order by at limit \(limit)) as d)
            select h.tenant_id, h.id, h.send_id, h.kind, h.link, h.links, h.visitor, h.at, h.times, h.judged_at is not null as judged, s.send_key,
                   s.campaign_id, s.enrolment_id, coalesce(s.data_sent_at, case when s.state = 'accepted' then s.resolved_at end) as sent_at
            from due join tracking_hits h on h.tenant_id = due.tenant_id and h.send_id = due.send_id
            join sends s on s.tenant_id = h.tenant_id and s.id = h.send_id
            where h.at > \(cut.addingTimeInterval(-86_400)) or h.judged_at is null
            order by h.tenant_id, h.send_id, h.at, h.id
            """
        ).map { row in
            StoredHit(
                tenant: try row.decode("tenant_id"), id: try row.decode("id"), send: try row.decode("send_id"),
                hit: TrackedHit(
                    kind: try TrackingToken.Kind(word: row.decode("kind")), link: try row.decode("link"), links: try row.decode("links"),
                    visitor: Visitor(rawValue: try row.decode("visitor")) ?? .unknown, at: try row.decode("at")),
                times: try row.decode("times"), isJudged: try row.decode("judged"), sendKey: try row.decode("send_key"),
                campaign: try row.decodeOptional("campaign_id"), enrolment: try row.decodeOptional("enrolment_id"),
                sentAt: try row.decodeOptional("sent_at"))
        }
    }

    struct Count: Hashable, Sendable {
        let tenant: TenantID
        let send: SendID
        let kind: TrackingToken.Kind
        let link: Int
        /// The beginning of a day, UTC.
        let day: Date
    }

    struct Tally: Sendable {
        var human = 0
        var machine = 0
    }

    /// Adds to the counts; of each whether it was the day's first of a person, and of a machine.
    static func add(_ tallies: [Count: Tally], in transaction: Transaction) async throws -> [Count: (human: Bool, machine: Bool)] {
        // In one order, so that no two wait for each other.
        let all = tallies.sorted {
            ($0.key.send.description, $0.key.kind.rawValue, $0.key.link, $0.key.day)
                < ($1.key.send.description, $1.key.kind.rawValue, $1.key.link, $1.key.day)
        }
        let rows = try await transaction.query(
            """
            insert into tracking_counts as c (tenant_id, send_id, kind, link, day, human, machine)
            select n.tenant_id, n.send_id, n.kind, n.link, (n.day at time zone 'UTC')::date, n.human, n.machine
            from unnest(\(all.map(\.key.tenant)), \(all.map(\.key.send)), \(all.map(\.key.kind.word)), \(all.map(\.key.link)), \(all.map(\.key.day)),
                        \(all.map(\.value.human)), \(all.map(\.value.machine))) as n (tenant_id, send_id, kind, link, day, human, machine)
            on conflict (tenant_id, send_id, kind, link, day) do update set human = c.human + excluded.human, machine = c.machine + excluded.machine
            returning c.tenant_id, c.send_id, c.kind, c.link, c.day::timestamp at time zone 'UTC' as day, c.human, c.machine
            """)
        var firsts: [Count: (human: Bool, machine: Bool)] = [:]
        for row in rows {
            let count = Count(
                tenant: try row.decode("tenant_id"), send: try row.decode("send_id"), kind: try TrackingToken.Kind(word: row.decode("kind")),
                link: try row.decode("link"), day: try row.decode("day"))
            let tally = tallies[count] ?? Tally()
            firsts[count] = (
                human: try tally.human > 0 && row.decode("human") == tally.human,
                machine: try tally.machine > 0 && row.decode("machine") == tally.machine
            )
        }
        return firsts
    }

    static func markJudged(_ hits: [StoredHit], at now: Date) -> SQL {
        """
        update tracking_hits h set judged_at = \(now) from unnest(\(hits.map(\.tenant)), \(hits.map(\.id))) as j (tenant_id, id)
        where h.tenant_id = j.tenant_id and h.id = j.id
        """
    }

    /// What was judged long enough ago to be nobody's neighbour, and hits of mail that has gone since; a batch, and how many went.
    static func sweep(before cut: Date, limit: Int, in database: Database) async throws -> Int {
        try await database.query(
            """
            delete from tracking_hits where (tenant_id, id) in (
                select tenant_id, id from tracking_hits where judged_at < \(cut) order by judged_at limit \(limit))
            """
        ).affected
            + (try await database.query(
                """
                delete from tracking_hits where (tenant_id, id) in (
                    select h.tenant_id, h.id from tracking_hits h where h.judged_at is null and h.at < \(cut)
                      and not exists (select from sends s where s.tenant_id = h.tenant_id and s.id = h.send_id) order by h.at limit \(limit))
                """
            ).affected)
    }
}

extension TrackingToken.Kind {
    /// As the tables have it.
    var word: String {
        switch self {
        case .open: "open"
        case .click: "click"
        case .hidden: "hidden"
        }
    }

    init(word: String) throws(PostgresError) {
        guard let kind = Self.allCases.first(where: { $0.word == word }) else {
            throw PostgresError(.decoding, message: "\(word) is no kind of hit")
        }
        self = kind
    }
}
