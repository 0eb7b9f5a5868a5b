import Contracts
import Foundation
import Postgres

/// The SQL of forgetting a company or a workspace, a batch at a time.
struct PurgeStore: Sendable {
    let tenant: TenantID
    /// Nil: the whole company.
    let workspace: WorkspaceID?
    let batch: Int

    // MARK: - Jobs and sends

    /// What people answered, what mails say, and what was noted about jobs; a job that sends a mail has the identifier of its send.
    var jobParts: [SQL] {
        guard let workspace else {
            return [
                "delete from inbox_messages where ctid = any(array(select ctid from inbox_messages where tenant_id = \(tenant) limit \(batch)))",
                "delete from inbox_threads where ctid = any(array(select ctid from inbox_threads where tenant_id = \(tenant) limit \(batch)))",
                "delete from inbound_facts where ctid = any(array(select ctid from inbound_facts where tenant_id = \(tenant) limit \(batch)))",
                "delete from send_contents where ctid = any(array(select ctid from send_contents where tenant_id = \(tenant) limit \(batch)))",
                "delete from job_logs where ctid = any(array(select ctid from job_logs where tenant_id = \(tenant) limit \(batch)))",
                "delete from send_feedback where ctid = any(array(select ctid from send_feedback where tenant_id = \(tenant) limit \(batch)))",
                "delete from tracking_hits where ctid = any(array(select ctid from tracking_hits where tenant_id = \(tenant) limit \(batch)))",
                "delete from tracking_counts where ctid = any(array(select ctid from tracking_counts where tenant_id = \(tenant) limit \(batch)))",
                "delete from soft_bounces where ctid = any(array(select ctid from soft_bounces where tenant_id = \(tenant) limit \(batch)))",
            ]
        }
        return [
            """
            delete from inbox_messages where ctid = any(array(
                select ctid from inbox_messages where tenant_id = \(tenant) and workspace_id = \(workspace) limit \(batch)))
            """,
            """
            delete from inbox_threads where ctid = any(array(
                select ctid from inbox_threads where tenant_id = \(tenant) and workspace_id = \(workspace) limit \(batch)))
            """,
            """
            delete from inbound_facts where ctid = any(array(
                select ctid from inbound_facts where tenant_id = \(tenant) and workspace_id = \(workspace) limit \(batch)))
            """,
            """
            delete from send_contents where ctid = any(array(
                select p.ctid from send_contents p join sends s on s.tenant_id = p.tenant_id and s.id = p.send_id
                where p.tenant_id = \(tenant) and s.workspace_id = \(workspace) limit \(batch)))
            """,
            """
            delete from job_logs where ctid = any(array(
                select p.ctid from job_logs p where p.tenant_id = \(tenant) and (
                    exists (select from sends s where s.tenant_id = p.tenant_id and s.id = p.job_id and s.workspace_id = \(workspace))
                    or exists (select from jobs j where j.tenant_id = p.tenant_id and j.id = p.job_id and j.workspace_id = \(workspace)))
                limit \(batch)))
            """,
            """
            delete from send_feedback where ctid = any(array(
                select p.ctid from send_feedback p join sends s on s.tenant_id = p.tenant_id and s.id = p.send_id
                where p.tenant_id = \(tenant) and s.workspace_id = \(workspace) limit \(batch)))
            """,
            """
            delete from tracking_hits where ctid = any(array(
                select p.ctid from tracking_hits p join sends s on s.tenant_id = p.tenant_id and s.id = p.send_id
                where p.tenant_id = \(tenant) and s.workspace_id = \(workspace) limit \(batch)))
            """,
            """
            delete from tracking_counts where ctid = any(array(
                select p.ctid from tracking_counts p join sends s on s.tenant_id = p.tenant_id and s.id = p.send_id
                where p.tenant_id = \(tenant) and s.workspace_id = \(workspace) limit \(batch)))
            """,
            """
            delete from soft_bounces where ctid = any(array(
                select p.ctid from soft_bounces p join sends s on s.tenant_id = p.tenant_id and s.id = p.send_id
                where p.tenant_id = \(tenant) and s.workspace_id = \(workspace) limit \(batch)))
            """,
        ]
    }

    /// What waits or runs, by the tenant's indexes, and what other queues than those for mail have ended; ended mail goes with its sends, since
    /// no index finds a company's among everybody's. What the queues' counters have to hear of it.
    func deleteJobs(in transaction: Transaction) async throws -> [QueueChange] {
        let others = WorkQueue.others.map(\.rawValue)
        let isOurs: SQL = "tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))"
        return try await Self.changes(
            transaction.query(
                """
                delete from jobs where id = any(array(
                    (select id from jobs where \(isOurs) and state = 'queued' limit \(batch)) union all
                    (select id from jobs where \(isOurs) and state = 'gated' limit \(batch)) union all
                    (select id from jobs where \(isOurs) and state = 'running' limit \(batch)) union all
                    (select id from jobs where \(isOurs) and state in ('completed', 'cancelled') and queue = any(\(others)) limit \(batch)) union all
                    (select id from jobs where \(isOurs) and state = 'failed' and queue = any(\(others)) limit \(batch))))
                returning queue, state
                """))
    }

    private static func changes(_ rows: Rows) throws -> [QueueChange] {
        try rows.map { row in
            let queue: String = try row.decode("queue")
            let state: String = try row.decode("state")
            return switch state {
            case "queued", "gated": QueueChange(queue: queue, waiting: -1)
            case "running": QueueChange(queue: queue, active: -1)
            case "failed": QueueChange(queue: queue, failed: -1)
            default: QueueChange(queue: queue)
            }
        }
    }

    /// Sends with their jobs and the gates of their campaigns; mails of a workspace that were never sent are given back to the company. How many,
    /// and what the queues' counters have to hear of it.
    func deleteSends(in transaction: Transaction) async throws -> (count: Int, changes: [QueueChange]) {
        // By the key: of a partitioned table a row's place is unique in its partition only, and found by reading the whole of it.
        let sends = try await transaction.query(
            """
            delete from sends where tenant_id = \(tenant) and id = any(array(
                select id from sends where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace)) limit \(batch)))
            returning id, state, reservation_id, campaign_id::text as campaign, enrolment_id::text as enrolment
            """)
        guard !sends.isEmpty else { return (0, []) }
        let jobs = try sends.map { try $0.decode("id", as: UUID.self) }
        let changes = try await Self.changes(transaction.query("delete from jobs where id = any(\(jobs)) returning queue, state"))
        guard workspace != nil else { return (sends.count, changes) }
        let campaigns = Set(try sends.compactMap { try $0.decodeOptional("campaign", as: String.self) })
        let enrolments = Set(try sends.compactMap { try $0.decodeOptional("enrolment", as: String.self) })
        try await transaction.query(
            """
            delete from send_gates where tenant_id = \(tenant)
              and (scope = 'campaign' and id = any(\(Array(campaigns))) or scope = 'enrolment' and id = any(\(Array(enrolments))))
            """)
        let unsent = try sends.filter { ["planned", "claimed", "deferred"].contains(try $0.decode("state", as: String.self)) }
        let reserved = try unsent.compactMap { try $0.decodeOptional("reservation_id", as: ReservationID.self) }.map { (tenant, $0) }
        if !reserved.isEmpty { try await transaction.query(SettlementStore.release(reserved)) }
        return (sends.count, changes)
    }

    // MARK: - Mailboxes

    var mailboxParts: [SQL] {
        guard let workspace else {
            return [
                "delete from lanes where ctid = any(array(select ctid from lanes where tenant_id = \(tenant) limit \(batch)))",
                "delete from mailbox_minutes where ctid = any(array(select ctid from mailbox_minutes where tenant_id = \(tenant) limit \(batch)))",
                "delete from mailbox_days where ctid = any(array(select ctid from mailbox_days where tenant_id = \(tenant) limit \(batch)))",
                "delete from reputation_days where ctid = any(array(select ctid from reputation_days where tenant_id = \(tenant) limit \(batch)))",
                """
                delete from destination_pauses where ctid = any(array(
                    select ctid from destination_pauses where tenant_id = \(tenant) limit \(batch)))
                """,
                "delete from mailbox_oauth_flows where ctid = any(array(select ctid from mailbox_oauth_flows where tenant_id = \(tenant) limit \(batch)))",
            ] + readingParts(whose: "tenant_id = \(tenant)")
        }
        let own: SQL = "select m.id from mailboxes m where m.tenant_id = \(tenant) and m.workspace_id = \(workspace)"
        return [
            """
            delete from lanes where ctid = any(array(
                select ctid from lanes where tenant_id = \(tenant) and lane_id in (\(own)) limit \(batch)))
            """,
            """
            delete from mailbox_minutes where ctid = any(array(
                select ctid from mailbox_minutes where tenant_id = \(tenant) and mailbox_id in (\(own)) limit \(batch)))
            """,
            """
            delete from mailbox_days where ctid = any(array(
                select ctid from mailbox_days where tenant_id = \(tenant) and mailbox_id in (\(own)) limit \(batch)))
            """,
            """
            delete from destination_pauses where ctid = any(array(
                select ctid from destination_pauses where tenant_id = \(tenant) and mailbox_id in (\(own)) limit \(batch)))
            """,
            "delete from send_gates where tenant_id = \(tenant) and scope = 'mailbox' and id in (select o.id::text from (\(own)) o)",
            """
            delete from mailbox_oauth_flows where ctid = any(array(
                select ctid from mailbox_oauth_flows where tenant_id = \(tenant) and workspace_id = \(workspace) limit \(batch)))
            """,
        ] + reputationParts(own, workspace)
    }

    /// What was known of a workspace' mailboxes and of domains that nobody sends from any more when they are gone.
    private func reputationParts(_ own: SQL, _ workspace: WorkspaceID) -> [SQL] {
        let domains: SQL = """
            select split_part(m.address, '@', 2) from mailboxes m where m.tenant_id = \(tenant) and m.workspace_id = \(workspace)
            except select split_part(m.address, '@', 2) from mailboxes m where m.tenant_id = \(tenant) and m.workspace_id <> \(workspace)
            """
        return [
            """
            delete from reputation_days where ctid = any(array(
                select ctid from reputation_days where tenant_id = \(tenant) and mailbox_id in (\(own)) limit \(batch)))
            """,
            "delete from reputations where tenant_id = \(tenant) and scope = 'mailbox' and subject in (select o.id::text from (\(own)) o)",
            "delete from reputations where tenant_id = \(tenant) and scope = 'domain' and subject in (\(domains))",
            "delete from blacklist_results where tenant_id = \(tenant) and kind = 'domain' and subject in (\(domains))",
            """
            delete from blacklist_results b where b.tenant_id = \(tenant) and b.kind = 'ip' and not exists (
                select from mailboxes m where m.tenant_id = \(tenant) and m.workspace_id <> \(workspace) and lower(m.smtp_host) = b.host)
            """,
            "delete from complaint_holds where tenant_id = \(tenant) and scope = 'domain' and subject in (\(domains))",
        ] + readingParts(whose: "tenant_id = \(tenant) and mailbox_id in (\(own))")
    }

    /// Of a company that lives on, it stays known that it had some: the nightly count speaks of it also when none is left.
    func deleteMailboxes(in transaction: Transaction) async throws -> [MailboxID] {
        let deleted: [MailboxID] = try await transaction.query(
            """
            delete from mailboxes where ctid = any(array(
                select ctid from mailboxes
                where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace)) limit \(batch)))
            returning id
            """
        ).map { try $0.decode("id") }
        if workspace != nil, !deleted.isEmpty {
            try await transaction.query("insert into mailbox_purges (tenant_id) values (\(tenant)) on conflict do nothing")
        }
        return deleted
    }

    // MARK: - Domains

    /// With the proofs that they are the company's.
    func deleteDomains(in transaction: Transaction) async throws -> [DomainID] {
        try await transaction.query(
            """
            delete from domains where ctid = any(array(
                select ctid from domains where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace)) limit \(batch)))
            returning id
            """
        ).map { try $0.decode("id") }
    }

    // MARK: - What is left

    /// Whoever did not want mail of a workspace gets none of the company's others either: an opt-out outlives the list it was on. Who did not want
    /// one campaign wanted no more than that, and the campaign is gone.
    func deleteSuppressions(in transaction: Transaction) async throws -> Int {
        guard let workspace else {
            return try await transaction.query(
                "delete from suppressions where ctid = any(array(select ctid from suppressions where tenant_id = \(tenant) limit \(batch)))"
            ).affected
        }
        return try await transaction.query(
            """
            with gone as (
                delete from suppressions where ctid = any(array(
                    select ctid from suppressions where tenant_id = \(tenant) and workspace_id = \(workspace) limit \(batch)))
                returning tenant_id, address, address_digest, campaign_id, reason, source, note, created_by, created_at, expires_at),
            wide as (
                -- Two entries of one workspace for one address cannot be; the company's own may be there already, and end earlier.
                select * from gone where campaign_id is null),
            longer as (
                update suppressions x set expires_at = case when w.expires_at is null then null else greatest(x.expires_at, w.expires_at) end
                from wide w where x.tenant_id = w.tenant_id and x.workspace_id is null and x.expires_at is not null
                  and (x.address = w.address or x.address_digest = w.address_digest)),
            widened as (
                insert into suppressions (tenant_id, address, address_digest, workspace_id, reason, source, note, created_by, created_at, expires_at)
                select tenant_id, address, address_digest, null, reason, source, note, created_by, created_at, expires_at from wide
                on conflict do nothing)
            select count(*) as n from gone
            """)[0].decode("n")
    }

    /// The gates last: as long as anything is left, nothing of it goes out.
    var rest: [SQL] {
        guard let workspace else {
            return [
                """
                delete from reservation_settlements where ctid = any(array(
                    select ctid from reservation_settlements where tenant_id = \(tenant) limit \(batch)))
                """,
                "delete from inbox_heads where tenant_id = \(tenant)",
                "delete from mailbox_purges where tenant_id = \(tenant)",
                "delete from domain_companies where tenant_id = \(tenant)",
                "delete from reputations where ctid = any(array(select ctid from reputations where tenant_id = \(tenant) limit \(batch)))",
                """
                delete from blacklist_results where ctid = any(array(
                    select ctid from blacklist_results where tenant_id = \(tenant) limit \(batch)))
                """,
                "delete from complaint_holds where tenant_id = \(tenant)",
                "delete from suppression_secrets where tenant_id = \(tenant)",
                "delete from signing_keys where ctid = any(array(select ctid from signing_keys where tenant_id = \(tenant) limit \(batch)))",
                """
                delete from certificate_orders where ctid = any(array(
                    select ctid from certificate_orders where tenant_id = \(tenant) limit \(batch)))
                """,
                "delete from delivery_settings where tenant_id = \(tenant)",
                "delete from tracking_settings where tenant_id = \(tenant)",
                """
                delete from tracking_opt_outs where ctid = any(array(
                    select ctid from tracking_opt_outs where tenant_id = \(tenant) limit \(batch)))
                """,
                "delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where tenant_id = \(tenant) limit \(batch)))",
                "delete from send_gates where ctid = any(array(select ctid from send_gates where tenant_id = \(tenant) limit \(batch)))",
            ]
        }
        return ["delete from send_gates where tenant_id = \(tenant) and scope = 'workspace' and id = \(workspace.description)"]
    }
}
