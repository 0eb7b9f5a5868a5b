import Contracts
import Foundation
import Postgres

/// What a mail that came in said about a mail of ours; kept for reputation, and as the proof that it was taken in.
struct InboundFact: Sendable {
    let tenant: TenantID
    let workspace: WorkspaceID
    let mailbox: MailboxID
    let messageKey: Data
    /// Which of a report's verdicts.
    let place: Int
    let send: SendID?
    let kind: InboundVerdict.Kind
    let rule: String
    let status: String?
    let returnsOn: String?
    let at: Date

    init(_ verdict: InboundVerdict, at place: Int, of mail: InboundMail, about send: SendID?, at instant: Date) {
        tenant = mail.fetched.tenant
        workspace = mail.fetched.workspace
        mailbox = mail.fetched.mailbox
        messageKey = mail.key
        self.place = place
        self.send = send
        kind = verdict.kind
        rule = verdict.rule.storable(100)
        status = verdict.status.map { $0.storable(20) }
        returnsOn = verdict.returnsOn.map(CivilDay.text(of:))
        at = instant
    }

    /// False when it is known: the mail was taken in before, and whoever takes it in at this moment is waited for.
    func keep(in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            insert into inbound_facts (tenant_id, mailbox_id, message_key, place, workspace_id, send_id, kind, rule, status, returns_on, at)
            values (\(tenant), \(mailbox), \(messageKey), \(place), \(workspace), \(send), \(kind), \(rule), \(status),
                \(returnsOn)::date, \(at))
            on conflict (tenant_id, mailbox_id, message_key, place) do nothing
            """
        ).affected > 0
    }
}

extension String {
    /// At most so many bytes, without the character that no column takes.
    func storable(_ limit: Int) -> String {
        var text = utf8.contains(0) ? replacing("\0", with: "") : self
        guard text.utf8.count > limit else { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: limit)
        // Not within a character.
        while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        text = String(text[..<end])
        return text
    }
}
