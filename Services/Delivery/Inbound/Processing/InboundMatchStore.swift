import Contracts
import Foundation
import Postgres

/// The SQL by which a mail that came in finds its thread, and the mail of ours that it is about; every look-up has its index.
struct InboundMatchStore: Sendable {
    /// How old what is found without a reference may be, in seconds.
    static let patience: TimeInterval = 60 * 86_400

    let links: UnsubscribeLinks

    /// By what the mail names; nil when it names nothing of ours.
    ///
    /// `sends.provider_message_id` is what a provider made of our identifier. Nothing of another company is ever found: every question names the
    /// tenant, and a link of another's mail is passed over.
    func named(by mail: InboundMail, in transaction: Transaction) async throws -> InboundMatch? {
        let tenant = mail.fetched.tenant
        let references = mail.references
        let keys = references.map(InboundMail.key(ofMessage:))
        let digests = references.map(InboundMail.digest(in:))
        let tokens = mail.tokens.compactMap { links.open($0) }.filter { $0.tenant == tenant }.map(\.send)
        guard !references.isEmpty || !tokens.isEmpty else { return nil }
        let answers = try await transaction.pipeline([
            """
            select message_key, thread_id from inbox_messages
            where tenant_id = \(tenant) and mailbox_id = \(mail.fetched.mailbox) and message_key = any(\(keys))
            """,
            """
            select \(MatchedSend.columns), message_digest(s.tenant_id, s.send_key) as digest from sends s
            where s.tenant_id = \(tenant) and message_digest(s.tenant_id, s.send_key) = any(\(digests.compactMap(\.self)))
            """,
            """
            select \(MatchedSend.columns), s.provider_message_id from sends s
            where s.tenant_id = \(tenant) and s.provider_message_id = any(\(references)) and s.provider_message_id is not null
            """,
            "select \(MatchedSend.columns) from sends s where s.tenant_id = \(tenant) and s.id = any(\(tokens))",
        ])
        let threads = try Self.index(answers[0]) { (try $0.decode("message_key", as: Data.self), try $0.decode("thread_id", as: InboxThreadID.self)) }
        let sends = try Self.index(answers[1]) { (try $0.decode("digest", as: Data.self), try MatchedSend(row: $0)) }
        let renamed = try Self.index(answers[2]) { (try $0.decode("provider_message_id", as: String.self), try MatchedSend(row: $0)) }
        var match = InboundMatch(way: .reference)
        for (index, reference) in references.enumerated() {
            match.thread = match.thread ?? threads[keys[index]]
            match.send = match.send ?? digests[index].flatMap { sends[$0] } ?? renamed[reference]
        }
        if match.thread != nil || match.send != nil { return match }
        // The link of a mail of ours stands in what is quoted also where a gateway has changed every identifier.
        return try answers[3].first.map { InboundMatch(way: .token, send: try MatchedSend(row: $0)) }
    }

    /// By writer and subject: a thread of the mailbox, or else a mail that it sent; not older than sixty days.
    func alike(_ mail: InboundMail, now: Date, in transaction: Transaction) async throws -> InboundMatch? {
        guard let contact = mail.contact, !mail.subject.isEmpty else { return nil }
        let (tenant, mailbox, since) = (mail.fetched.tenant, mail.fetched.mailbox, now.addingTimeInterval(-Self.patience))
        let answers = try await transaction.pipeline([
            """
            select id from inbox_threads where tenant_id = \(tenant) and mailbox_id = \(mailbox) and contact = \(contact)
              and subject_key = \(mail.subject.text) and last_at > \(since) order by last_at desc limit 1
            """,
            """
            select \(MatchedSend.columns) from sends s where s.tenant_id = \(tenant) and s.recipient = \(contact) and s.mailbox_id = \(mailbox)
              and s.subject_digest = \(mail.subject.digest(of: tenant)) and s.state in ('accepted', 'data_sent', 'ambiguous')
              and s.created_at > \(since) order by s.created_at desc, s.id desc limit 1
            """,
        ])
        let thread: InboxThreadID? = try answers[0].first?.decode("id")
        let send = try answers[1].first.map { try MatchedSend(row: $0) }
        guard thread != nil || send != nil else { return nil }
        return InboundMatch(way: .subject, thread: thread, send: send)
    }

    /// The last mail of the mailbox to an address, not older than `age` seconds.
    func last(to address: String, from mail: InboundMail, age: TimeInterval, now: Date, in transaction: Transaction) async throws -> MatchedSend? {
        try await transaction.query(
            """
            select \(MatchedSend.columns) from sends s where s.tenant_id = \(mail.fetched.tenant) and s.recipient = \(address.lowercased())
              and s.mailbox_id = \(mail.fetched.mailbox) and s.state in ('accepted', 'data_sent', 'ambiguous')
              and s.created_at > \(now.addingTimeInterval(-age)) order by s.created_at desc, s.id desc limit 1
            """
        ).first.map { try MatchedSend(row: $0) }
    }

    /// Whether it is the identifier of a mail in the ledger, as we made it or as a provider did.
    func isOurs(_ identifier: String, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            select exists (select from sends s where s.tenant_id = \(tenant)
                    and message_digest(s.tenant_id, s.send_key) = \(InboundMail.digest(in: identifier)))
                or exists (select from sends s where s.tenant_id = \(tenant) and s.provider_message_id = \(identifier)) as known
            """)[0].decode("known")
    }

    /// The mail that began a thread; nil when it began otherwise, or the mail is gone.
    func origin(of thread: InboxThreadID, tenant: TenantID, in transaction: Transaction) async throws -> MatchedSend? {
        try await transaction.query(
            """
            select \(MatchedSend.columns) from inbox_threads t join sends s on s.tenant_id = t.tenant_id and s.id = t.origin_send_id
            where t.tenant_id = \(tenant) and t.id = \(thread)
            """
        ).first.map { try MatchedSend(row: $0) }
    }

    /// The mail as it is now. Whoever forgets its recipient at this moment waits: what is written next must not be left behind.
    func hold(_ send: SendID, of tenant: TenantID, in transaction: Transaction) async throws -> MatchedSend? {
        try await transaction.query(
            "select \(MatchedSend.columns) from sends s where s.tenant_id = \(tenant) and s.id = \(send) for share"
        ).first.map { try MatchedSend(row: $0) }
    }

    private static func index<Key: Hashable, Value>(_ rows: Rows, _ entry: (Row) throws -> (Key, Value)) throws -> [Key: Value] {
        Dictionary(try rows.map(entry)) { first, _ in first }
    }
}
