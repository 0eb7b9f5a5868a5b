import Contracts
import Foundation
import Logging
import MIME
import Postgres
import Primitives
import Streams

/// What becomes of a mail after it was fetched: it is read, understood, matched with a mail of ours, and acted upon, all in the transaction that moves
/// the fetcher's mark. The same mail again changes nothing.
///
/// What has nothing to do with a mail of ours is forgotten at once: a mailbox is also its owner's own.
struct InboundProcessing: Sendable {
    /// Takes a mail apart; what it throws means that the mail cannot be read.
    let parse: @Sendable ([UInt8]) throws -> ParsedMail
    /// Says what a mail is; the address is the mailbox's own.
    let classify: @Sendable (ParsedMail, String?) -> [InboundVerdict]
    let store: InboundMatchStore
    let outbox: Outbox
    let suppressions: Suppressions
    /// What reputation makes of it.
    let counts: FeedbackCounts
    let clock: WallClock
    let logger: Logger

    /// How long a bounce that names no mail, only an address, may follow the mail to it.
    private static let bouncePatience: TimeInterval = 14 * 86_400
    /// Who says so, in the list of suppressions.
    private static let source = "inbound"

    /// Whoever commits the transaction says `outbox.wake()` afterwards.
    func take(_ mails: [FetchedMail], in transaction: Transaction) async throws {
        guard !mails.isEmpty else { return }
        let addresses = try await addresses(of: mails, in: transaction)
        var changes = InboundChanges()
        for fetched in mails {
            // Of a mailbox that is gone nothing is taken in any more.
            guard let own = addresses[fetched.mailbox], let mail = read(fetched, own: own) else { continue }
            if fetched.folder == .sent || mail.contact == own {
                try await takeSent(mail, &changes, in: transaction)
            } else {
                try await takeReceived(mail, &changes, in: transaction)
            }
        }
        try await changes.write(outbox, counts, at: clock.now, in: transaction)
    }

    /// For the whole company; false when the recipient was on the list already.
    private func suppress(
        _ recipient: String, of tenant: TenantID, because reason: SuppressionReason, in transaction: Transaction
    ) async throws -> Bool {
        try await suppressions.suppress(
            recipient, of: tenant, because: reason, .tenant, .init(source: Self.source, createdBy: "mail"), now: clock.now, in: transaction)
    }

    private func addresses(of mails: [FetchedMail], in transaction: Transaction) async throws -> [MailboxID: String] {
        let mailboxes = Dictionary(mails.map { ($0.mailbox, $0.tenant) }) { first, _ in first }
        let rows = try await transaction.query(
            """
            select m.id, lower(m.address) as address from unnest(\(Array(mailboxes.values)), \(Array(mailboxes.keys))) as a (tenant_id, id)
            join mailboxes m on m.tenant_id = a.tenant_id and m.id = a.id
            """)
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("id"), try $0.decode("address")) })
    }

    private func read(_ fetched: FetchedMail, own: String) -> InboundMail? {
        do {
            let parsed = try parse(fetched.bytes)
            return InboundMail(fetched, parsed, classify(parsed, own))
        } catch {
            // It must not keep those behind it: whoever wants to read it finds it in the mailbox.
            logger.notice("a mail could not be read", metadata: ["mailbox": "\(fetched.mailbox)", "uid": "\(fetched.uid)", "error": "\(error)"])
            return nil
        }
    }

    /// INTERNALDATE is the server's word; nothing comes from tomorrow.
    private func instant(of mail: InboundMail) -> Date {
        let milliseconds = (mail.fetched.receivedAt.timeIntervalSince1970 * 1000).rounded(.down)
        return min(Date(timeIntervalSince1970: milliseconds / 1000), clock.now)
    }

    // MARK: - What others sent

    private func takeReceived(_ mail: InboundMail, _ changes: inout InboundChanges, in transaction: Transaction) async throws {
        switch mail.kind {
        case .deliveryNotice: return
        case .hardBounce, .softBounce, .blocked, .complaint: try await takeReport(mail, &changes, in: transaction)
        case .outOfOffice, .autoReply, .unsubscribeWish, .reply, .unknown: try await takeConversation(mail, &changes, in: transaction)
        }
    }

    /// A report acts on the recipients of our mails, never on an address that it names by itself.
    private func takeReport(_ mail: InboundMail, _ changes: inout InboundChanges, in transaction: Transaction) async throws {
        let tenant = mail.fetched.tenant
        let named = try await store.named(by: mail, in: transaction)?.send
        for (place, verdict) in mail.verdicts.prefix(100).enumerated() {
            guard let found = try await send(of: verdict, mail, named: named, in: transaction),
                let send = try await store.hold(found.id, of: tenant, in: transaction)
            else { continue }
            let at = instant(of: mail)
            guard try await InboundFact(verdict, at: place, of: mail, about: send.id, at: at).keep(in: transaction) else { continue }
            switch verdict.kind {
            case .hardBounce: try await end(send, .hardBounce, .hardBounce, tenant, at, &changes, in: transaction)
            case .complaint: try await end(send, .complaint, .complained, tenant, at, &changes, in: transaction)
            case .softBounce:
                changes.feel(.softBounce, send, of: tenant, at: at)
                try await suppressions.noteBounce(.init(tenant: tenant, send: send.id, isHard: false, source: Self.source), in: transaction)
            case .blocked, .deliveryNotice, .outOfOffice, .autoReply, .unsubscribeWish, .reply, .unknown: break
            }
        }
    }

    /// The mail that one verdict of a report is about: the one it names, or else the last one to the address it names.
    private func send(
        of verdict: InboundVerdict, _ mail: InboundMail, named: MatchedSend?, in transaction: Transaction
    ) async throws -> MatchedSend? {
        let recipient = verdict.recipient?.lowercased()
        // A report about several mails names each by its recipient.
        if let named, mail.verdicts.count == 1 || recipient == nil || recipient == named.recipient { return named }
        guard let recipient, recipient.contains("@") else { return nil }
        return try await store.last(to: recipient, from: mail, age: Self.bouncePatience, now: clock.now, in: transaction)
    }

    /// No more mail to the recipient, whoever wants to send it, and none of this enrolment from this commit on.
    private func end(
        _ send: MatchedSend, _ reason: SuppressionReason, _ kind: DeliveryEvents.FeedbackKind, _ tenant: TenantID, _ at: Date,
        _ changes: inout InboundChanges, in transaction: Transaction
    ) async throws {
        switch reason {
        case .hardBounce:
            try await suppressions.noteBounce(.init(tenant: tenant, send: send.id, isHard: true, source: Self.source), in: transaction)
        case .complaint: try await suppressions.noteComplaint(tenant: tenant, send: send.id, source: Self.source, in: transaction)
        default:
            let isNew = try await suppress(send.recipient, of: tenant, because: reason, in: transaction)
            if isNew, reason == .unsubscribed { changes.unsubscribed(send, of: tenant) }
        }
        changes.feel(kind, send, of: tenant, at: at)
        try await hold(send, reason.rawValue, tenant, in: transaction)
    }

    private func hold(_ send: MatchedSend, _ reason: String, _ tenant: TenantID, in transaction: Transaction) async throws {
        guard let enrolment = send.enrolment else { return }
        try await StopFence.hold(enrolment, to: send.recipient, of: tenant, because: reason, in: transaction)
    }

    // MARK: - Conversations

    private func takeConversation(_ mail: InboundMail, _ changes: inout InboundChanges, in transaction: Transaction) async throws {
        let tenant = mail.fetched.tenant
        guard let verdict = mail.verdicts.first ?? Self.unread, let kind = InboxThread.Kind(verdict.kind),
            let match = try await match(mail, kind, in: transaction)
        else { return }
        var send = match.send
        // An answer to our answer is one to the mail that began the thread: that is the one a campaign knows.
        if let thread = match.thread, send?.key.hasPrefix(InboxReply.keyPrefix) ?? true {
            send = try await store.origin(of: thread, tenant: tenant, in: transaction) ?? send
        }
        if let found = send { send = try await store.hold(found.id, of: tenant, in: transaction) }
        // A mail that goes at this moment, with its workspace or its company.
        guard match.thread != nil || send != nil else { return }
        let at = instant(of: mail)
        guard try await InboundFact(verdict, at: 0, of: mail, about: send?.id, at: at).keep(in: transaction) else { return }
        if let send {
            try await act(on: send, kind, mail, at, &changes, in: transaction)
        } else if kind == .unsubscribeWish, let contact = mail.contact {
            // The mail that began the thread is gone, the wish is not.
            _ = try await suppress(contact, of: tenant, because: .unsubscribed, in: transaction)
        }
        // Whoever was forgotten is not written down again.
        if let send, send.isErased { return }
        try await keep(mail, kind, verdict.rule, in: match.thread, about: send, at: at, &changes, in: transaction)
    }

    /// What a classifier that says nothing says.
    private static let unread: InboundVerdict? = InboundVerdict(kind: .unknown, rule: "none", confidence: 0)

    private func match(_ mail: InboundMail, _ kind: InboxThread.Kind, in transaction: Transaction) async throws -> InboundMatch? {
        if let match = try await store.named(by: mail, in: transaction) { return match }
        let alike = try await store.alike(mail, now: clock.now, in: transaction)
        switch kind {
        // Nobody knows what it is: without a reference it goes nowhere but into a thread that there is.
        case .unknown: return alike.flatMap { $0.thread == nil ? nil : $0 }
        case .reply, .outOfOffice, .autoReply: return alike
        case .unsubscribeWish:
            if let alike { return alike }
            // Whoever wants no more mail need not say which.
            guard let contact = mail.contact else { return nil }
            return try await store.last(to: contact, from: mail, age: InboundMatchStore.patience, now: clock.now, in: transaction)
                .map { InboundMatch(way: .contact, send: $0) }
        }
    }

    private func act(
        on send: MatchedSend, _ kind: InboxThread.Kind, _ mail: InboundMail, _ at: Date, _ changes: inout InboundChanges,
        in transaction: Transaction
    ) async throws {
        let tenant = mail.fetched.tenant
        switch kind {
        case .reply:
            changes.feel(.replied, send, of: tenant, at: at)
            if send.stopsOnReply { try await hold(send, StopFence.replied, tenant, in: transaction) }
        case .unsubscribeWish:
            try await end(send, .unsubscribed, .unsubscribed, tenant, at, &changes, in: transaction)
            // Somebody to whom it was passed on, or who reads it under another address.
            if let contact = mail.contact, contact != send.recipient, !send.isErased {
                _ = try await suppress(contact, of: tenant, because: .unsubscribed, in: transaction)
            }
        case .outOfOffice, .autoReply: changes.feel(.automaticReply, send, of: tenant, at: at, returnsOn: mail.returnsOn)
        case .unknown: break
        }
    }

    private func keep(
        _ mail: InboundMail, _ kind: InboxThread.Kind, _ rule: String, in known: InboxThreadID?, about send: MatchedSend?, at instant: Date,
        _ changes: inout InboundChanges, in transaction: Transaction
    ) async throws {
        let tenant = mail.fetched.tenant
        var thread = known
        if thread == nil, let send {
            thread = try await InboxWriter.thread(about: send, of: mail, kind: kind, at: instant, now: clock.now, in: transaction)
        }
        guard let thread else { return }
        let message = NewInboxMessage(mail, direction: .inbound, kind: kind.rawValue, rule: rule, at: instant)
        let isNew = try await InboxWriter.insert(
            message, into: thread, mailbox: mail.fetched.mailbox, workspace: mail.fetched.workspace, of: tenant, in: transaction)
        guard isNew else { return }
        try await InboxWriter.receive(message, kind: kind, in: thread, of: tenant, in: transaction)
        changes.touch(thread, of: tenant)
    }

    // MARK: - What was sent from the mailbox

    /// What somebody wrote by hand in a thread that is known belongs to it; our own mails are in the ledger, and everything else is private.
    private func takeSent(_ mail: InboundMail, _ changes: inout InboundChanges, in transaction: Transaction) async throws {
        let tenant = mail.fetched.tenant
        if let identifier = mail.parsed.messageID, try await store.isOurs(identifier, of: tenant, in: transaction) { return }
        guard let thread = try await store.named(by: mail, in: transaction)?.thread else { return }
        let message = NewInboxMessage(mail, direction: .outbound, kind: "sent", rule: nil, at: instant(of: mail))
        let isNew = try await InboxWriter.insert(
            message, into: thread, mailbox: mail.fetched.mailbox, workspace: mail.fetched.workspace, of: tenant, in: transaction)
        guard isNew else { return }
        try await InboxWriter.send(message, in: thread, of: tenant, in: transaction)
        changes.touch(thread, of: tenant)
    }
}
