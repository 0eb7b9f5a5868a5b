import Contracts
import Postgres

/// Keeps an enrolment's next mails back from the commit of what ends it: whoever claims later finds the gate closed, and whoever is about to claim
/// at this moment is waited for or passes the mail over.
///
/// The gate has version 0, below every word of Campaigns, which hears of the same by its event and takes the enrolment out.
enum StopFence {
    static let replied = "replied"

    /// Closes the gate of `enrolment` and sets its waiting mails aside. They are changed, not only locked: a claim that has begun already and
    /// comes to a row after this commit looks at the new row, finds it set aside, and leaves it.
    static func hold(_ enrolment: EnrolmentID, to recipient: String, of tenant: TenantID, because reason: String, in transaction: Transaction)
        async throws
    {
        try await transaction.query(
            """
            insert into send_gates as g (tenant_id, scope, id, is_open, reason, version, is_released)
            values (\(tenant), 'enrolment', \(enrolment.description), false, \(reason), 0, true)
            on conflict (tenant_id, scope, id) do update set is_open = false, reason = excluded.reason, is_released = true where g.version = 0
            """)
        // The state in words that no partial index fits: the jobs are found by their identifiers. Every mail of an enrolment goes to one person.
        try await transaction.query(
            """
            update jobs j set state = 'gated' from (
                select w.id from sends s join jobs w on w.id = s.id and w.tenant_id = s.tenant_id
                where s.tenant_id = \(tenant) and s.recipient = \(recipient) and s.enrolment_id = \(enrolment) and s.state in ('planned', 'deferred')
                  and coalesce(w.state, '') = 'queued'
                order by w.id for update of w) w
            where j.id = w.id and coalesce(j.state, '') = 'queued'
            """)
    }

    /// A campaign that no longer ends with an answer goes on: what an answer had held is let out. Nil when no mail says so.
    static func reopen(_ sends: [DeliveryRPC.PlannedSend], of tenant: TenantID) -> SQL? {
        let enrolments = Set(sends.filter { $0.stopsOnReply == false }.compactMap { $0.enrolment?.description }).sorted()
        guard !enrolments.isEmpty else { return nil }
        return """
            update send_gates set is_open = true, is_released = false where tenant_id = \(tenant) and scope = 'enrolment' and id = any(\(enrolments))
              and version = 0 and reason = \(replied) and not is_open
            """
    }
}
