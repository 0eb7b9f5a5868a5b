import Foundation
import Mail
import Postgres

/// Destinations that said "later" to a mailbox rest for a while: a minute at first, twice as long each time within an hour of the last, at most
/// half an hour.
enum DestinationPauses {
    static let first: Double = 60
    static let longest: Double = 1_800

    static func change(_ outcomes: [OutcomeStore.Outcome]) -> [SQL] {
        let paused = Set(
            outcomes.filter { isRefusalOfSender(code: $0.resolution.code, text: $0.resolution.text) }.compactMap { outcome in
                outcome.delivery.destination.map { Key(lane: outcome.delivery.lane, destination: $0) }
            }
        ).sorted()
        guard !paused.isEmpty else { return [] }
        return [
            """
            insert into destination_pauses as p (tenant_id, mailbox_id, destination, closed_until, deferrals)
            select d.*, now() + make_interval(secs => \(first)), 1 from unnest(\(paused.map(\.lane.tenant)), \(paused.map(\.lane.id)),
                \(paused.map(\.destination))) as d (tenant_id, mailbox_id, destination)
            on conflict (tenant_id, mailbox_id, destination) do update set
                deferrals = case when p.closed_until > now() - interval '1 hour' then p.deferrals + 1 else 1 end,
                closed_until = now() + make_interval(secs => case when p.closed_until > now() - interval '1 hour'
                    then least(\(longest), \(first) * power(2, least(p.deferrals, 10))) else \(first) end)
            """
        ]
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
}
