import Contracts
import Foundation
import Postgres
import Primitives

/// Where mails go that could not be taken in, so that those after them are.
struct Quarantine: Sendable {
    /// After how many tries a mail is passed over.
    static let tries = 3
    /// So many bytes of a mail are kept.
    static let kept = 1 << 20
    private static let days = 30.0

    let keyring: Keyring
    let digests: AddressDigests

    /// Keeps up to 1 MB of it, sealed, in the transaction that passes over it; none of one that could not even be read.
    func add(
        _ mail: FetchedMail?, uid: UInt32, uidValidity: UInt32, folder: FetchedMail.Folder, of mailbox: ReadingMailbox, reason: String, at now: Date,
        in transaction: Transaction
    ) async throws {
        let identifier = UUID.v7(at: now)
        let sealed = try mail.map { try keyring.seal(Data($0.bytes.prefix(Self.kept)), for: Self.place(identifier, of: mailbox.tenant)) }
        var people: [Data] = []
        if let addresses = mail.map({ MailHeader(of: $0.bytes).addresses }), !addresses.isEmpty {
            let digester = try await digests.makeDigester(of: mailbox.tenant, at: now, in: transaction)
            people = addresses.map(digester.digest)
        }
        try await transaction.query(
            """
            insert into mailbox_quarantine (tenant_id, id, mailbox_id, folder, uid_validity, uid, reason, received_at, size, bytes_sealed,
                                            address_digests, created_at)
            values (\(mailbox.tenant), \(identifier), \(mailbox.id), \(folder), \(Int64(uidValidity)), \(Int64(uid)), \(String(reason.prefix(500))),
                    \(mail?.receivedAt), \(mail?.bytes.count), \(sealed), \(people), \(now))
            """)
    }

    static func place(_ identifier: UUID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "mailbox_quarantine.bytes", row: identifier.uuidString.lowercased(), tenant: tenant.uuid)
    }

    /// Deletes what is old: mails passed over, and the digests of those taken in, which no server numbers anew after so long.
    static func prune(in database: Database, now: Date) async throws {
        let old = now.addingTimeInterval(-days * 86_400)
        while try await database.query(
            """
            delete from mailbox_mails where (tenant_id, mailbox_id, folder, digest) in (
                select tenant_id, mailbox_id, folder, digest from mailbox_mails where taken_at < \(old) order by taken_at limit 1000)
            """
        ).affected == 1_000 {}
        while try await database.query(
            """
            delete from mailbox_quarantine where (tenant_id, id) in (
                select tenant_id, id from mailbox_quarantine where created_at < \(old) order by created_at limit 1000)
            """
        ).affected == 1_000 {}
    }
}
