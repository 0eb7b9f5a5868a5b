import Contracts
import Foundation
import HTTP
import Postgres

/// The SQL by which people read their inbox; always as their company.
struct InboxStore: Sendable {
    /// Where a page of threads begins: newest first.
    struct Position: Sendable, Codable {
        let at: Date
        let id: InboxThreadID
    }

    struct Counts: Sendable, Encodable, Equatable {
        let open: Int
        let unread: Int
        let snoozed: Int
        let archived: Int
        /// Of those that are open.
        let assignedToMe: Int
        let unassigned: Int
    }

    /// How many messages of a thread are shown at once.
    static let mostMessages = 50
    /// How many bytes of HTML are shown at once: the newest messages' first, each whole or not at all.
    static let mostHTML = 2_000_000
    /// A mail of ours that is shown in a thread.
    static let mostMails = 50

    let database: Database

    func list(_ filter: InboxFilter, of tenant: TenantID, after start: Position?, limit: Int) async throws -> [InboxThread] {
        var conditions = filter.conditions
        if let start { conditions.append("(t.last_at, t.id) < (\(start.at), \(start.id))") }
        return try await database.query(
            as: tenant,
            """
            select \(InboxThread.columns) from inbox_threads t where \(SQL.joined(conditions, separator: " and "))
            order by t.last_at desc, t.id desc limit \(limit)
            """
        ).map { try InboxThread(row: $0) }
    }

    func find(_ thread: InboxThreadID, of tenant: TenantID) async throws -> InboxThread? {
        try await database.query(
            as: tenant, "select \(InboxThread.columns) from inbox_threads t where t.tenant_id = \(tenant) and t.id = \(thread)"
        ).first.map { try InboxThread(row: $0) }
    }

    /// The newest messages, or the newest before one of them, oldest first, and whether there are older ones; how an answer of ours fared is read from
    /// the ledger.
    func messages(
        of thread: InboxThreadID, before: InboxMessageID?, tenant: TenantID
    ) async throws -> (messages: [InboxMessageView], hasOlder: Bool) {
        let rows = try await database.query(
            as: tenant,
            """
            select m.id, m.direction, m.kind, m.sender_name, m.sender, m.recipients, m.subject, m.text_body, m.quoted_body, m.attachments, m.send_id,
                m.returns_on::text as returns_on, m.author_id, m.at, m.html_body is not null as has_html, case when m.weight <= \(Self.mostHTML) then m.html_body end as html_body,
                s.state as send_state
            from (
                select n.*, sum(coalesce(octet_length(n.html_body), 0)) over (order by n.at desc, n.id desc) as weight from (
                    select i.id, i.direction, i.kind, i.sender_name, i.sender, i.recipients, i.subject, i.text_body, i.quoted_body, i.html_body,
                        i.attachments, i.returns_on, i.send_id, i.author_id, i.at
                    from inbox_messages i where i.tenant_id = \(tenant) and i.thread_id = \(thread) and (\(before)::uuid is null or (i.at, i.id) < (
                        select b.at, b.id from inbox_messages b where b.tenant_id = \(tenant) and b.thread_id = \(thread) and b.id = \(before)))
                    order by i.at desc, i.id desc limit \(Self.mostMessages + 1)) n) m
            left join sends s on s.tenant_id = \(tenant) and s.id = m.send_id
            order by m.at desc, m.id desc
            """)
        return (try rows.prefix(Self.mostMessages).map { try InboxMessageView(row: $0) }.reversed(), rows.count > Self.mostMessages)
    }

    /// The campaign's mails to the contact of a thread that have gone out, oldest first: when, and what became of them. What they said is erased.
    func mails(in thread: InboxThread, tenant: TenantID) async throws -> [InboxMailView] {
        guard let enrolment = thread.enrolment else { return [] }
        return try await database.query(
            as: tenant,
            """
            select s.id, s.send_key, s.state, s.created_at, s.resolved_at from sends s
            where s.tenant_id = \(tenant) and s.recipient = \(thread.contact) and s.enrolment_id = \(enrolment)
              and s.state in ('data_sent', 'accepted', 'refused', 'ambiguous')
            order by s.created_at desc, s.id desc limit \(Self.mostMails)
            """
        ).map { try InboxMailView(row: $0) }.reversed()
    }

    /// Of the workspaces that the person may use.
    func counts(_ identity: Identity) async throws -> Counts {
        let row = try await database.query(
            as: identity.tenant,
            """
            select count(*) filter (where t.state = 'open') as open, count(*) filter (where t.state = 'open' and t.is_unread) as unread,
                count(*) filter (where t.state = 'snoozed') as snoozed, count(*) filter (where t.state = 'archived') as archived,
                count(*) filter (where t.state = 'open' and t.assigned_to = \(identity.user)) as mine,
                count(*) filter (where t.state = 'open' and t.assigned_to is null) as unassigned
            from inbox_threads t where t.tenant_id = \(identity.tenant)
              and (\(identity.workspaces)::uuid[] is null or t.workspace_id = any(\(identity.workspaces)))
            """)[0]
        return Counts(
            open: try row.decode("open"), unread: try row.decode("unread"), snoozed: try row.decode("snoozed"), archived: try row.decode("archived"),
            assignedToMe: try row.decode("mine"), unassigned: try row.decode("unassigned"))
    }

    /// The company's place in the order of changes.
    func head(of tenant: TenantID) async throws -> Int64 {
        try await database.query(as: tenant, "select change from inbox_heads where tenant_id = \(tenant)").first?.decode("change") ?? 0
    }

    /// Threads that have changed behind `last`, in their order; each once, as it is now.
    func changed(after last: Int64, upTo head: Int64, of tenant: TenantID, limit: Int) async throws -> [InboxThread] {
        try await database.query(
            as: tenant,
            """
            select \(InboxThread.columns) from inbox_threads t where t.tenant_id = \(tenant) and t.change > \(last) and t.change <= \(head)
            order by t.change limit \(limit)
            """
        ).map { try InboxThread(row: $0) }
    }
}
