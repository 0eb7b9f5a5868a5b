import Contracts
import Foundation
import Postgres

/// The SQL that counts, in the transaction that makes it true, what became of mails; nobody counts the ledger while mail is sent.
enum ReputationCounters {
    /// Of a group of outcomes, by mailbox; nil when none of them says anything.
    static func outcomes(_ outcomes: [OutcomeStore.Outcome], now: Date) -> SQL? {
        var counts: [Lane: ReputationCounts] = [:]
        for outcome in outcomes {
            let lane = outcome.delivery.lane
            switch (outcome.resolution.state, outcome.resolution.code.map { $0 / 100 }) {
            case ("accepted", _): counts[lane, default: ReputationCounts()].accepted += 1
            case ("refused", 5): counts[lane, default: ReputationCounts()].refused += 1
            case ("refused", 4): counts[lane, default: ReputationCounts()].softBounces += 1
            default: break
            }
        }
        return counts.isEmpty ? nil : add(counts, now: now)
    }

    /// Adds to the day of `now`, in the order in which every writer locks the rows.
    static func add(_ counts: [Lane: ReputationCounts], now: Date) -> SQL {
        let lanes = counts.keys.sorted()
        func column(_ value: (ReputationCounts) -> Int) -> [Int] { lanes.map { counts[$0].map(value) ?? 0 } }
        return """
            insert into reputation_days as d (tenant_id, mailbox_id, day, domain, accepted, refused, hard_bounces, soft_bounces, complaints,
                unsubscribes, replies)
            select n.tenant_id, n.mailbox_id, (\(now)::timestamptz at time zone 'UTC')::date, split_part(m.address, '@', 2), n.accepted, n.refused,
                n.hard_bounces, n.soft_bounces, n.complaints, n.unsubscribes, n.replies
            from unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id)), \(column(\.accepted)), \(column(\.refused)), \(column(\.hardBounces)),
                \(column(\.softBounces)), \(column(\.complaints)), \(column(\.unsubscribes)), \(column(\.replies)))
                as n (tenant_id, mailbox_id, accepted, refused, hard_bounces, soft_bounces, complaints, unsubscribes, replies)
            join mailboxes m on m.tenant_id = n.tenant_id and m.id = n.mailbox_id
            order by n.tenant_id, n.mailbox_id
            on conflict (tenant_id, mailbox_id, day) do update set accepted = d.accepted + excluded.accepted, refused = d.refused + excluded.refused,
                hard_bounces = d.hard_bounces + excluded.hard_bounces, soft_bounces = d.soft_bounces + excluded.soft_bounces,
                complaints = d.complaints + excluded.complaints, unsubscribes = d.unsubscribes + excluded.unsubscribes,
                replies = d.replies + excluded.replies
            """
    }
}
