import Contracts
import Foundation
import Postgres

/// The SQL by which a worker takes claimed jobs into its hands.
struct DeliveryStore: Sendable {
    let database: Database
    let worker: String
    /// In seconds.
    let lease: Double

    struct Loaded: Sendable {
        let delivery: Delivery
        let mailbox: SendingMailbox
    }

    /// Takes the jobs of these entries whose claim still stands and whose mail was not begun; the others are somebody else's business.
    func take(_ entries: [WorkStreams.Entry]) async throws -> [Loaded] {
        let places = Dictionary(entries.map { ($0.job, $0.place) }) { first, _ in first }
        let rows = try await database.query(
            """
            with taken as (
                update jobs j set worker = \(worker), lease_until = now() + make_interval(secs => \(lease))
                from unnest(\(entries.map(\.job)), \(entries.map(\.fence))) as e (id, fence)
                where j.id = e.id and j.fence = e.fence and j.state = 'running' and exists (
                    select from sends s where s.tenant_id = j.tenant_id and s.id = j.send_id and s.fence = j.fence and s.state = 'claimed')
                returning j.id, j.fence, j.attempt, j.unreachable, j.tenant_id, j.send_id, j.mailbox_id, j.priority, j.run_at
            )
            select t.id, t.fence, t.attempt, t.unreachable, t.tenant_id, t.send_id, t.mailbox_id, s.send_key, s.campaign_id, s.enrolment_id,
                   s.reservation_id, s.recipient, s.deferrals, s.first_deferred_at, s.created_at, c.recipient_name, c.subject, c.text_body, c.html_body,
                   m.address, m.display_name, m.smtp_host, m.smtp_port, m.smtp_security, m.smtp_username, m.password_sealed, m.version
            from taken t
            join sends s on s.tenant_id = t.tenant_id and s.id = t.send_id and s.fence = t.fence and s.state = 'claimed'
            join send_contents c on c.tenant_id = t.tenant_id and c.send_id = t.send_id
            join mailboxes m on m.tenant_id = t.tenant_id and m.id = t.mailbox_id
            order by t.priority, t.run_at, t.id
            """)
        return try rows.map { row in
            let job: UUID = try row.decode("id")
            return Loaded(
                delivery: Delivery(
                    job: job, fence: try row.decode("fence"), attempt: try row.decode("attempt"), tenant: try row.decode("tenant_id"),
                    send: try row.decode("send_id"), sendKey: try row.decode("send_key"), campaign: try row.decodeOptional("campaign_id"),
                    enrolment: try row.decodeOptional("enrolment_id"), reservation: try row.decodeOptional("reservation_id"),
                    mailbox: try row.decode("mailbox_id"), recipient: try row.decode("recipient"),
                    recipientName: try row.decodeOptional("recipient_name"), subject: try row.decode("subject"), text: try row.decode("text_body"),
                    html: try row.decodeOptional("html_body"), deferrals: try row.decode("deferrals"),
                    firstDeferredAt: try row.decodeOptional("first_deferred_at"), unreachable: try row.decode("unreachable"),
                    createdAt: try row.decode("created_at"), entry: places[job] ?? StreamEntryPlace(stream: "", position: "")),
                mailbox: try SendingMailbox(row: row))
        }
    }

    /// Keeps the claims of the mails in hand alive; one that was dropped on the way ends by itself.
    func heartbeat(_ jobs: Set<UUID>) async throws {
        guard !jobs.isEmpty else { return }
        try await database.query(
            """
            update jobs set lease_until = now() + make_interval(secs => \(lease))
            where id = any(\(Array(jobs))) and worker = \(worker) and state = 'running'
            """)
    }

    /// A worker of this name starts anew: what its predecessor had begun to send ends at once, the rest comes back from the stream.
    func endPredecessor() async throws {
        try await database.query(
            """
            update jobs j set lease_until = now() from sends s
            where j.worker = \(worker) and j.state = 'running' and s.tenant_id = j.tenant_id and s.id = j.send_id and s.state = 'data_sent'
            """)
    }
}
