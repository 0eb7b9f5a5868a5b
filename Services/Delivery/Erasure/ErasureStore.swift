import Contracts
import Foundation
import Postgres

/// The SQL of forgetting one address of a company, a batch at a time.
struct ErasureStore: Sendable {
    let tenant: TenantID
    /// In lower case, as the ledger has it.
    let address: String
    let digest: Data
    let batch: Int

    /// A mail that nobody has claimed.
    struct Waiting: Sendable {
        let send: UUID
        /// Nil: it has lost its job.
        let queue: String?
    }

    /// What forbids writing to the address forbids it by the digest from now on, and the address goes, in one commit: whoever looks for the
    /// address first and for the digest afterwards finds one of them at any time.
    func forbid(isOptedOut: Bool, at now: Date, in transaction: Transaction) async throws {
        var statements: [SQL] = [
            """
            insert into suppressions (tenant_id, address_digest, workspace_id, campaign_id, reason, source, created_by, created_at, expires_at, undo_until)
            select tenant_id, \(digest), workspace_id, campaign_id, reason, source, created_by, created_at, expires_at, undo_until from suppressions
            where tenant_id = \(tenant) and address = \(address)
            on conflict do nothing
            """,
            // An entry under the digest that ends earlier must not take the place of one that lasts.
            """
            update suppressions d set expires_at = case when x.expires_at is null then null else greatest(d.expires_at, x.expires_at) end
            from suppressions x where x.tenant_id = \(tenant) and x.address = \(address) and d.tenant_id = \(tenant) and d.address_digest = \(digest)
              and d.workspace_id is not distinct from x.workspace_id and d.campaign_id is not distinct from x.campaign_id
              and d.expires_at is not null and (x.expires_at is null or x.expires_at > d.expires_at)
            """,
            """
            insert into tracking_opt_outs (tenant_id, subject, source, created_at)
            select tenant_id, \(ErasedRecipient.text(digest)), source, created_at from tracking_opt_outs
            where tenant_id = \(tenant) and subject = \(address)
            on conflict do nothing
            """,
            "delete from tracking_opt_outs where tenant_id = \(tenant) and subject = \(address)",
            "delete from soft_bounces where tenant_id = \(tenant) and recipient = \(address)",
        ]
        if isOptedOut {
            statements.append(
                """
                insert into suppressions (tenant_id, address_digest, workspace_id, reason, source, created_at)
                values (\(tenant), \(digest), null, 'unsubscribed', 'erasure', \(now))
                on conflict (tenant_id, address_digest, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'),
                             coalesce(campaign_id, '00000000-0000-0000-0000-000000000000')) where address_digest is not null
                do update set expires_at = null
                """)
        }
        // One that somebody wrote between the two statements stays until the next call: it does not go without its digest.
        statements.append(
            """
            delete from suppressions x where x.tenant_id = \(tenant) and x.address = \(address) and exists (
                select from suppressions d where d.tenant_id = x.tenant_id and d.address_digest = \(digest)
                  and d.workspace_id is not distinct from x.workspace_id and d.campaign_id is not distinct from x.campaign_id)
            """)
        try await transaction.pipeline(statements)
    }

    /// Mails that nobody has claimed and that nobody claims at this moment, locked.
    func lockWaiting(in transaction: Transaction) async throws -> [Waiting] {
        // The state in words that no partial index fits: the jobs are found by their identifiers.
        let queued = try await transaction.query(
            """
            select s.id, j.queue from sends s
            join jobs j on j.id = s.id and j.tenant_id = s.tenant_id and coalesce(j.state, '') in ('queued', 'gated')
            where s.tenant_id = \(tenant) and s.recipient = \(address) and s.state in ('planned', 'deferred')
            limit \(batch) for update of s, j skip locked
            """)
        let lost = try await transaction.query(
            """
            select s.id from sends s where s.tenant_id = \(tenant) and s.recipient = \(address) and s.state in ('planned', 'deferred')
              and not exists (select from jobs j where j.id = s.id and coalesce(j.state, '') in ('queued', 'gated', 'running'))
            limit \(batch) for update skip locked
            """)
        var waiting = try queued.map { Waiting(send: try $0.decode("id"), queue: try $0.decode("queue", as: String.self)) }
        waiting += try lost.map { Waiting(send: try $0.decode("id"), queue: nil) }
        return waiting
    }

    /// Takes the person out of mails that have come to their end, and moves their fences on: a reply that is still on its way to the ledger
    /// would write down what the server said of the address.
    func eraseMails(in transaction: Transaction) async throws {
        // Mail that came and could not be taken in goes whole: it is from the person, or names them.
        try await transaction.query("delete from mailbox_quarantine where tenant_id = \(tenant) and \(digest) = any(address_digests)")
        let ended = try await transaction.query(
            """
            select id from sends where tenant_id = \(tenant) and recipient = \(address)
              and state not in ('planned', 'deferred', 'claimed', 'data_sent')
            limit \(batch) for update skip locked
            """)
        guard !ended.isEmpty else { return }
        let sends = try ended.map { try $0.decode("id", as: UUID.self) }
        try await transaction.pipeline([
            """
            update sends set recipient = \(ErasedRecipient.text(digest)), reply_text = null, fence = fence + 1
            where tenant_id = \(tenant) and id = any(\(sends))
            """,
            "update jobs set error = null, destination = null where id = any(\(sends)) and tenant_id = \(tenant)",
            "delete from send_contents where tenant_id = \(tenant) and send_id = any(\(sends))",
            "update job_logs set message = '', transcript = null where tenant_id = \(tenant) and job_id = any(\(sends))",
        ])
    }

    /// Takes the person out of the inbox: their threads with all that was said in them, and in others' threads what has their address. A mail that
    /// answers one of ours comes no more into a thread, since the ledger no longer knows whom it went to.
    func eraseConversations(in transaction: Transaction) async throws {
        let threads = try await transaction.query(
            "select id from inbox_threads where tenant_id = \(tenant) and contact = \(address) limit \(batch) for update skip locked"
        ).map { try $0.decode("id", as: InboxThreadID.self) }
        let gone = try await transaction.query(
            """
            delete from inbox_messages where tenant_id = \(tenant) and id = any(array(
                (select id from inbox_messages where tenant_id = \(tenant) and thread_id = any(\(threads)) limit \(batch)) union
                (select id from inbox_messages where tenant_id = \(tenant) and people @> array[\(address)]::text[] limit \(batch))))
            returning thread_id
            """)
        let touched = Array(Set(try gone.map { try $0.decode("thread_id", as: InboxThreadID.self) }).subtracting(threads))
        try await transaction.query(
            """
            delete from inbox_threads t where t.tenant_id = \(tenant) and t.id = any(\(threads + touched))
              and not exists (select from inbox_messages m where m.tenant_id = t.tenant_id and m.thread_id = t.id)
            """)
        guard !touched.isEmpty else { return }
        // The beginning of what is gone may stand as the thread's own, and its writer's name.
        try await transaction.query(
            """
            update inbox_threads t set snippet = '', contact_name = null,
                messages = (select count(*) from inbox_messages m where m.tenant_id = t.tenant_id and m.thread_id = t.id)
            where t.tenant_id = \(tenant) and t.id = any(\(touched))
            """)
    }

    /// Whether neither the ledger nor a suppression nor the inbox names the address any more.
    func isEmpty(in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            select not exists (select from sends where tenant_id = \(tenant) and recipient = \(address))
               and not exists (select from suppressions where tenant_id = \(tenant) and address = \(address))
               and not exists (select from mailbox_quarantine where tenant_id = \(tenant) and \(digest) = any(address_digests))
               and not exists (select from inbox_threads where tenant_id = \(tenant) and contact = \(address))
               and not exists (select from inbox_messages where tenant_id = \(tenant) and people @> array[\(address)]::text[])
               and not exists (select from tracking_opt_outs where tenant_id = \(tenant) and subject = \(address))
               and not exists (select from soft_bounces where tenant_id = \(tenant) and recipient = \(address)) as empty
            """)[0].decode("empty")
    }
}
