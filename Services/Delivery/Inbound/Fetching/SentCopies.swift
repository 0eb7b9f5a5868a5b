import Contracts
import Foundation
import Postgres
import Primitives

/// What the folder of sent mail tells of the ledger: that a mail of which nobody knew went out, and the Message-ID that the provider gave it.
///
/// A copy is known by the link in List-Unsubscribe, which is signed and survives where a provider puts a Message-ID of its own (Outlook does), and
/// by our Message-ID where there is no such link.
struct SentCopies: Sendable {
    let links: UnsubscribeLinks
    let ambiguous: AmbiguousSends

    /// Looks at mails of the folder, in the transaction that takes them in; true when the ledger has something to tell others.
    func note(_ mails: [FetchedMail], of mailbox: ReadingMailbox, at now: Date, in transaction: Transaction) async throws -> Bool {
        var copies: [SendID: String?] = [:]
        for mail in mails {
            let header = MailHeader(of: mail.bytes)
            for token in header.unsubscribeTokens {
                guard let (tenant, send) = links.open(token), tenant == mailbox.tenant else { continue }
                copies[send] = .some(header.messageID)
            }
        }
        if !copies.isEmpty { try await mark(copies, of: mailbox, at: now, in: transaction) }
        return try await settle(mailbox, at: now, in: transaction)
    }

    private func mark(_ copies: [SendID: String?], of mailbox: ReadingMailbox, at now: Date, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select id, send_key, state, provider_message_id, sent_copy_at is not null as is_known from sends
            where tenant_id = \(mailbox.tenant) and id = any(\(Array(copies.keys))) and mailbox_id = \(mailbox.id) order by id
            """)
        var changed: [(send: SendID, identifier: String?)] = []
        for row in rows {
            let send: SendID = try row.decode("id")
            let ours = Self.messageIdentifier(of: try row.decode("send_key"), mailbox)
            let theirs = copies[send].flatMap { $0 }.flatMap { $0 == ours ? nil : $0 }
            let known: String? = try row.decodeOptional("provider_message_id")
            let isKnown: Bool = try row.decode("is_known")
            let isOpen = ["claimed", "data_sent", "ambiguous"].contains(try row.decode("state", as: String.self))
            // Nearly every copy tells nothing new: the ledger is written only where it does.
            guard theirs != nil && theirs != known || isOpen && !isKnown else { continue }
            changed.append((send, theirs ?? known))
        }
        guard !changed.isEmpty else { return }
        try await transaction.query(
            """
            update sends s set provider_message_id = c.identifier, sent_copy_at = coalesce(s.sent_copy_at, \(now)::timestamptz)
            from unnest(\(changed.map(\.send)), \(PostgresOptionals(changed.map(\.identifier)))) as c (id, identifier)
            where s.tenant_id = \(mailbox.tenant) and s.id = c.id
            """)
    }

    /// Mails of unknown fate whose copies are there, now or since before they became so.
    ///
    /// After a restore there may be thousands, of which the first need not be those whose copies are there: all are looked at, some hundred at a time.
    private func settle(_ mailbox: ReadingMailbox, at now: Date, in transaction: Transaction) async throws -> Bool {
        var (found, last): ([SendID], SendID?) = ([], nil)
        repeat {
            let rows = try await transaction.query(
                """
                select id, send_key, sent_copy_at is not null as is_found from sends
                where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and state = 'ambiguous' and (\(last)::uuid is null or id > \(last))
                order by id limit \(Self.batch)
                """)
            found += try await copied(rows, mailbox, in: transaction)
            last = rows.count < Self.batch ? nil : try rows.last?.decode("id")
        } while last != nil
        guard !found.isEmpty else { return false }
        return try await ambiguous.settleByCopy(found, of: mailbox.tenant, now: now, in: transaction) > 0
    }

    private static let batch = 500

    /// Those of the ledger's rows whose copies lie in the folder.
    private func copied(_ rows: Rows, _ mailbox: ReadingMailbox, in transaction: Transaction) async throws -> [SendID] {
        var found: [SendID] = []
        var open: [Data: SendID] = [:]
        for row in rows {
            let send: SendID = try row.decode("id")
            if try row.decode("is_found") {
                found.append(send)
            } else {
                let identifier = Self.messageIdentifier(of: try row.decode("send_key"), mailbox)
                open[FolderStore.digest(MailHeader.identity(ofMessageID: identifier))] = send
            }
        }
        if !open.isEmpty {
            let seen = try await transaction.query(
                """
                select digest from mailbox_mails where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id)
                  and folder = \(FetchedMail.Folder.sent) and digest = any(\(Array(open.keys)))
                """)
            found += try seen.compactMap { open[try $0.decode("digest")] }
        }
        return found
    }

    private static func messageIdentifier(of sendKey: String, _ mailbox: ReadingMailbox) -> String {
        let domain = mailbox.address.lastIndex(of: "@").map { String(mailbox.address[mailbox.address.index(after: $0)...]) } ?? ""
        return MessageComposer.messageIdentifier(of: sendKey, tenant: mailbox.tenant, at: domain)
    }
}
