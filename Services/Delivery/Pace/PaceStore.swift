import Contracts
import Foundation
import Postgres

/// The SQL of what mailboxes have used of their limits, and of their pauses.
enum PaceStore {
    /// Keeps others from these mailboxes until the end of the transaction, in the order in which everybody does who changes several.
    static func lock(_ mailboxes: Set<Lane>) -> SQL {
        let lanes = mailboxes.sorted()
        return """
            select from mailboxes m join unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id))) as l (tenant_id, id)
                on m.tenant_id = l.tenant_id and m.id = l.id
            order by m.tenant_id, m.id for no key update of m
            """
    }

    /// Claims that sent nothing do not count; the jobs must still hold the time of their claim.
    static func giveBack(_ jobs: [UUID]) -> SQL {
        """
        update mailbox_minutes m set mails = greatest(0, m.mails - n.mails) from (
            select tenant_id, lane_id, date_trunc('minute', claimed_at) as minute, count(*) as mails from jobs
            where id = any(\(jobs)) group by 1, 2, 3) n
        where m.tenant_id = n.tenant_id and m.mailbox_id = n.lane_id and m.minute = n.minute
        """
    }

    /// The end of a mailbox's mail is known: its gap begins now.
    static func reopen(_ mailboxes: Set<Lane>) -> SQL {
        let lanes = mailboxes.sorted()
        return """
            update mailboxes m set opens_at = now() + make_interval(secs => m.gap_seconds)
            from unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id))) as l (tenant_id, id)
            where m.tenant_id = l.tenant_id and m.id = l.id and m.gap_seconds > 0
            """
    }

    /// The claims of mailboxes that wait for their mail's end were given back untouched: whoever is next may go.
    static func reopenAtOnce(_ mailboxes: Set<Lane>) -> SQL {
        let lanes = mailboxes.sorted()
        return """
            update mailboxes m set opens_at = now() from unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id))) as l (tenant_id, id)
            where m.tenant_id = l.tenant_id and m.id = l.id and m.gap_seconds > 0
            """
    }
}
