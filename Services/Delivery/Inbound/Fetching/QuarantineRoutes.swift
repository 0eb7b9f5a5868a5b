import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import Streams

enum QuarantinedMailKind {}
typealias QuarantinedMailID = EntityID<QuarantinedMailKind>

/// A mail that could not be taken in, as its mailbox' owner sees it; what it says is not shown.
struct QuarantinedMail: Encodable, Sendable {
    let id: QuarantinedMailID
    let folder: String
    let reason: String
    let receivedAt: Date?
    /// In bytes; nil when the server could not even give it.
    let size: Int?
    /// Whether it was kept whole, so that it can be tried again.
    let isRetriable: Bool
    let createdAt: Date

    static let columns: SQL = """
        q.id, q.folder, q.reason, q.received_at, q.size, q.bytes_sealed is not null and q.size <= \(Quarantine.kept) as is_retriable, q.created_at
        """

    init(row: Row) throws {
        id = try row.decode("id")
        folder = try row.decode("folder")
        reason = try row.decode("reason")
        receivedAt = try row.decodeOptional("received_at")
        size = try row.decodeOptional("size")
        isRetriable = try row.decode("is_retriable")
        createdAt = try row.decode("created_at")
    }
}

/// What becomes of quarantined mails by their owner's hand: each is taken in by another try, or let go; both are told in the trail.
struct QuarantineDesk: Sendable {
    let database: Database
    /// Of the background, which alone takes mails in.
    let worker: Database
    let keyring: Keyring
    let outbox: Outbox
    let clock: WallClock
    let process: MailProcessing

    func list(of mailbox: MailboxID, _ tenant: TenantID, before start: QuarantinedMailID?, limit: Int) async throws -> [QuarantinedMail] {
        try await database.query(
            as: tenant,
            """
            select \(QuarantinedMail.columns) from mailbox_quarantine q
            where q.tenant_id = \(tenant) and q.mailbox_id = \(mailbox) and (\(start)::uuid is null or q.id < \(start))
            order by q.id desc limit \(limit)
            """
        ).map(QuarantinedMail.init)
    }

    /// Takes the mail in as if it came now; problems 404, 409 for one that was not kept whole, and 422 when it fails again.
    func retry(_ mail: QuarantinedMailID, of mailbox: Mailbox, by identity: Identity, audit: AuditRecord) async throws {
        let (tenant, now) = (identity.tenant, clock.now)
        do {
            try await worker.transaction { transaction in
                let rows = try await transaction.query(
                    """
                    select \(QuarantinedMail.columns), q.bytes_sealed, q.uid_validity, q.uid from mailbox_quarantine q
                    where q.tenant_id = \(tenant) and q.mailbox_id = \(mailbox.id) and q.id = \(mail) for update
                    """)
                guard let row = rows.first else { throw Problem.notFound("quarantined mail") }
                guard try QuarantinedMail(row: row).isRetriable, let folder = FetchedMail.Folder(rawValue: try row.decode("folder")) else {
                    throw Problem.conflict(kind: "mail_not_kept", title: "The mail was not kept whole; it lies in the mailbox.")
                }
                let bytes = try keyring.open(try row.decode("bytes_sealed"), for: Quarantine.place(mail.uuid, of: tenant))
                let fetched = FetchedMail(
                    tenant: tenant, workspace: mailbox.workspace, mailbox: mailbox.id, folder: folder,
                    uidValidity: UInt32(truncatingIfNeeded: try row.decode("uid_validity", as: Int64.self)),
                    uid: UInt32(truncatingIfNeeded: try row.decode("uid", as: Int64.self)),
                    receivedAt: try row.decodeOptional("received_at") ?? now, bytes: Array(bytes))
                try await process([fetched], transaction)
                try await remove(mail, of: mailbox, by: identity, audit, at: now, in: transaction)
            }
        } catch let problem as Problem {
            throw problem
        } catch {
            guard (error as? any TransientError)?.isTransient != true else { throw error }
            throw Problem.unprocessable(
                kind: "mail_not_readable", title: "The mail could not be taken in this time either.", detail: String("\(error)".prefix(500)))
        }
        outbox.wake()
    }

    /// Lets the mail go; it stays in the mailbox. A 404 problem when there is none.
    func dismiss(_ mail: QuarantinedMailID, of mailbox: Mailbox, by identity: Identity, audit: AuditRecord) async throws {
        let now = clock.now
        try await worker.transaction { transaction in
            try await remove(mail, of: mailbox, by: identity, audit, at: now, in: transaction)
        }
        outbox.wake()
    }

    private func remove(
        _ mail: QuarantinedMailID, of mailbox: Mailbox, by identity: Identity, _ audit: AuditRecord, at now: Date, in transaction: Transaction
    ) async throws {
        let gone = try await transaction.query(
            "delete from mailbox_quarantine where tenant_id = \(identity.tenant) and mailbox_id = \(mailbox.id) and id = \(mail)"
        ).affected
        guard gone > 0 else { throw Problem.notFound("quarantined mail") }
        let event = try PendingEvent(
            DeliveryEvents.MailboxChanged(mailbox: mailbox.id), at: now, tenant: identity.tenant, workspace: mailbox.workspace,
            actor: identity.actor, audit: audit)
        try await outbox.append([event], in: transaction)
    }
}

/// `/api/v1/mailboxes/{id}/quarantine`, and the end of reading: mails that could not be taken in, by their mailbox.
struct QuarantineRoutes: Sendable {
    let desk: QuarantineDesk
    let store: MailboxStore
    let accounts: ReadingAccounts

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/mailboxes/{id}/quarantine") { request, context in
            let identity = try context.requireIdentity()
            let mailbox = try await mailbox(identity, context)
            let page = try PageRequest(request)
            let found = try await desk.list(of: mailbox.id, identity.tenant, before: try page.after(QuarantinedMailID.self), limit: page.limit + 1)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/mailboxes/{id}/quarantine/{mail}/retry") { _, context in
            let identity = try context.require(atLeast: .member)
            let mailbox = try await mailbox(identity, context)
            let mail = try context.identifier("mail", as: QuarantinedMailID.self)
            try await desk.retry(mail, of: mailbox, by: identity, audit: record("quarantine.retry", mail, mailbox, context))
            return Response(status: .noContent)
        }
        router.delete("/api/v1/mailboxes/{id}/quarantine/{mail}") { _, context in
            let identity = try context.require(atLeast: .member)
            let mailbox = try await mailbox(identity, context)
            let mail = try context.identifier("mail", as: QuarantinedMailID.self)
            try await desk.dismiss(mail, of: mailbox, by: identity, audit: record("quarantine.dismiss", mail, mailbox, context))
            return Response(status: .noContent)
        }
        router.delete("/api/v1/mailboxes/{id}/imap") { _, context in
            let identity = try context.require(atLeast: .member)
            let mailbox = try await mailbox(identity, context)
            let target = AuditRecord.Target(type: "mailbox", id: mailbox.id.description, name: mailbox.address)
            try await accounts.forget(mailbox, by: identity, audit: context.audit("mailbox.disconnect_imap", targets: [target]))
            return Response(status: .noContent)
        }
    }

    private func mailbox(_ identity: Identity, _ context: AppContext) async throws -> Mailbox {
        let found = try await store.find(try context.identifier("id", as: MailboxID.self), of: identity.tenant)
        guard let found, identity.mayUse(found.workspace) else { throw Problem.notFound("mailbox") }
        return found
    }

    private func record(_ action: String, _ mail: QuarantinedMailID, _ mailbox: Mailbox, _ context: AppContext) -> AuditRecord {
        context.audit(
            action,
            targets: [
                .init(type: "quarantined_mail", id: mail.description), .init(type: "mailbox", id: mailbox.id.description, name: mailbox.address),
            ])
    }
}
