import Contracts
import Foundation
import Postgres
import Primitives

/// Counts the last days again, at night, from the ledger and the feedback, and sets right what a defect made drift; prunes what is old.
///
/// Only days that have ended: nobody counts into them any more, so that nothing is lost between the question and the answer.
struct ReputationRecount: Sendable {
    let database: Database
    let clock: WallClock

    /// How many days back.
    static let days = 3
    /// Counts and feedback are kept so long.
    static let keptDays = 400
    private static let batch = 1_000

    func run() async throws {
        let today = CivilDay.number(at: clock.now)
        for day in today - Self.days..<today { try await recount(day) }
        try await prune(before: today - Self.keptDays)
    }

    /// One day of everybody, in one statement and so of one moment.
    func recount(_ day: Int) async throws {
        let (day, next) = (CivilDay.text(of: day), CivilDay.text(of: day + 1))
        try await database.query(
            """
            with ledger as (
                select s.tenant_id, s.mailbox_id, count(*) filter (where s.state = 'accepted') as accepted,
                    count(*) filter (where s.state = 'refused' and s.reply_code between 500 and 599) as refused,
                    count(*) filter (where s.state = 'refused' and s.reply_code between 400 and 499) as given_up
                from sends s
                where s.resolved_at >= \(day)::date::timestamp at time zone 'UTC' and s.resolved_at < \(next)::date::timestamp at time zone 'UTC'
                  and s.state in ('accepted', 'refused')
                group by 1, 2
            ), told as (
                select f.tenant_id, f.mailbox_id, count(*) filter (where f.kind = 'hard_bounce') as hard_bounces,
                    count(*) filter (where f.kind = 'soft_bounce') as soft_bounces, count(*) filter (where f.kind = 'complained') as complaints,
                    count(*) filter (where f.kind = 'unsubscribed') as unsubscribes, count(*) filter (where f.kind = 'replied') as replies
                from send_feedback f where f.day = \(day)::date group by 1, 2
            ), counted as (
                select tenant_id, mailbox_id, coalesce(l.accepted, 0) as accepted, coalesce(l.refused, 0) as refused,
                    coalesce(t.hard_bounces, 0) as hard_bounces, coalesce(t.soft_bounces, 0) + coalesce(l.given_up, 0) as soft_bounces,
                    coalesce(t.complaints, 0) as complaints, coalesce(t.unsubscribes, 0) as unsubscribes, coalesce(t.replies, 0) as replies
                from ledger l full join told t using (tenant_id, mailbox_id)
            ), emptied as (
                update reputation_days d set accepted = 0, refused = 0, hard_bounces = 0, soft_bounces = 0, complaints = 0,
                    unsubscribes = 0, replies = 0
                where d.day = \(day)::date
                  and not exists (select from counted c where c.tenant_id = d.tenant_id and c.mailbox_id = d.mailbox_id)
            )
            insert into reputation_days as d (tenant_id, mailbox_id, day, domain, accepted, refused, hard_bounces, soft_bounces, complaints,
                unsubscribes, replies)
            select c.tenant_id, c.mailbox_id, \(day)::date, split_part(m.address, '@', 2), c.accepted, c.refused, c.hard_bounces, c.soft_bounces,
                c.complaints, c.unsubscribes, c.replies
            from counted c join mailboxes m on m.tenant_id = c.tenant_id and m.id = c.mailbox_id
            order by c.tenant_id, c.mailbox_id
            on conflict (tenant_id, mailbox_id, day) do update set accepted = excluded.accepted, refused = excluded.refused,
                hard_bounces = excluded.hard_bounces, soft_bounces = excluded.soft_bounces, complaints = excluded.complaints,
                unsubscribes = excluded.unsubscribes, replies = excluded.replies
            where (d.accepted, d.refused, d.hard_bounces, d.soft_bounces, d.complaints, d.unsubscribes, d.replies)
                is distinct from (excluded.accepted, excluded.refused, excluded.hard_bounces, excluded.soft_bounces, excluded.complaints,
                                  excluded.unsubscribes, excluded.replies)
            """)
    }

    private func prune(before day: Int) async throws {
        let day = CivilDay.text(of: day)
        let statements: [SQL] = [
            """
            delete from reputation_days where (tenant_id, mailbox_id, day) in (
                select tenant_id, mailbox_id, day from reputation_days where day < \(day)::date order by day limit \(Self.batch))
            """,
            """
            delete from send_feedback where (tenant_id, send_id, kind) in (
                select tenant_id, send_id, kind from send_feedback where day < \(day)::date order by day limit \(Self.batch))
            """,
        ]
        for statement in statements {
            while try await database.query(statement).affected == Self.batch {}
        }
    }
}
