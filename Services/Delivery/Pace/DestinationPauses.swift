import Foundation
import Mail
import Postgres

/// Destinations that said "later" to a mailbox rest for a while: a minute at first, twice as long each time, at most half an hour. An accepted
/// mail ends it.
enum DestinationPauses {
    static let first: Double = 60
    static let longest: Double = 1_800

    static func change(_ outcomes: [OutcomeStore.Outcome], now: Date) -> [SQL] {
        let deferred = lanes(outcomes) { isRefusalOfSender(code: $0.resolution.code, text: $0.resolution.text) }
        let accepted = lanes(outcomes) { $0.resolution.state == "accepted" }.subtracting(deferred)
        var statements: [SQL] = []
        if !deferred.isEmpty {
            let paused = deferred.sorted()
            statements.append(
                """
                insert into destination_pauses as p (tenant_id, mailbox_id, destination, closed_until, deferrals)
                select d.*, now() + make_interval(secs => \(first)), 1 from unnest(\(paused.map(\.lane.tenant)), \(paused.map(\.lane.id)),
                    \(paused.map(\.destination))) as d (tenant_id, mailbox_id, destination)
                on conflict (tenant_id, mailbox_id, destination) do update set deferrals = p.deferrals + 1,
                    closed_until = now() + make_interval(secs => least(\(longest), \(first) * power(2, least(p.deferrals, 10))))
                """)
        }
        // Only a mail that was claimed before its destination rested can end a rest: most batches find none.
        if !accepted.isEmpty {
            let ended = accepted.sorted()
            statements.append(
                """
                delete from destination_pauses p using unnest(\(ended.map(\.lane.tenant)), \(ended.map(\.lane.id)), \(ended.map(\.destination)))
                    as d (tenant_id, mailbox_id, destination)
                where p.tenant_id = d.tenant_id and p.mailbox_id = d.mailbox_id and p.destination = d.destination
                """)
        }
        return statements
    }

    /// Whether a reply speaks of the sender or the server, and so of everybody there, not of one recipient: 421, and by RFC 3463 what concerns
    /// the system (x.3), the network (x.4) or policy (x.7).
    static func isRefusalOfSender(code: Int?, text: String?) -> Bool {
        guard let code, code / 100 == 4 else { return false }
        guard code != 421, let status = SMTPReply(code: code, lines: [text ?? ""]).enhancedStatus else { return code == 421 }
        return [3, 4, 7].contains(status.subject)
    }

    private struct Key: Hashable, Comparable {
        let lane: Lane
        let destination: String

        /// Every writer locks in this order.
        static func < (left: Key, right: Key) -> Bool {
            left.lane == right.lane ? left.destination < right.destination : left.lane < right.lane
        }
    }

    private static func lanes(_ outcomes: [OutcomeStore.Outcome], where condition: (OutcomeStore.Outcome) -> Bool) -> Set<Key> {
        Set(
            outcomes.filter(condition).compactMap { outcome in outcome.delivery.destination.map { Key(lane: outcome.delivery.lane, destination: $0) }
            })
    }
}
