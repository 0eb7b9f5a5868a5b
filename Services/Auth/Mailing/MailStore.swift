import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of mail on its way; the words are sealed in the table and erased when sent.
struct MailStore: Sendable {
    struct Due: Sendable {
        let id: UUID
        let recipient: String
        let mail: OutgoingMail
        let attempts: Int
    }

    let database: Database
    let keyring: Keyring

    func enqueue(_ mail: OutgoingMail, to recipient: EmailAddress, at instant: Date, in transaction: Transaction) async throws {
        let identifier = UUID.v7(at: instant)
        let sealed = try keyring.seal(try WireJSON.encoder().encode(mail), for: place(identifier))
        try await transaction.query(
            """
            insert into mails (id, kind, recipient, content_sealed, created_at, next_attempt_at)
            values (\(identifier), \(mail.kind), \(recipient.text), \(sealed), \(instant), \(instant))
            """)
    }

    /// Takes up to `limit` due mails, for this replica alone until `until`.
    func claim(limit: Int, now: Date, until: Date) async throws -> [Due] {
        let rows = try await database.query(
            """
            with picked as materialized (
                select id from mails where sent_at is null and failed_at is null and next_attempt_at <= \(now)
                order by next_attempt_at limit \(limit) for update skip locked)
            update mails m set next_attempt_at = \(until), attempts = m.attempts + 1 from picked p where m.id = p.id
            returning m.id, m.recipient, m.content_sealed, m.attempts
            """)
        return try rows.map { row in
            let identifier: UUID = try row.decode("id")
            let content = try keyring.open(try row.decode("content_sealed"), for: place(identifier))
            return Due(
                id: identifier, recipient: try row.decode("recipient"), mail: try WireJSON.decoder().decode(OutgoingMail.self, from: content),
                attempts: try row.decode("attempts"))
        }
    }

    func markSent(_ identifier: UUID, at instant: Date) async throws {
        try await database.query(
            "update mails set sent_at = \(instant), content_sealed = null, last_error = null where id = \(identifier)")
    }

    /// Tries again at `next`; nil gives it up.
    func markFailed(_ identifier: UUID, reason: String, next: Date?, at instant: Date) async throws {
        try await database.query(
            """
            update mails set last_error = \(String(reason.prefix(500))), next_attempt_at = coalesce(\(next), next_attempt_at),
                failed_at = case when \(next)::timestamptz is null then \(instant)::timestamptz end,
                content_sealed = case when \(next)::timestamptz is null then null else content_sealed end
            where id = \(identifier)
            """)
    }

    private func place(_ identifier: UUID) -> Keyring.Place {
        Keyring.Place(purpose: "mails.content", row: identifier.uuidString, tenant: nil)
    }
}
