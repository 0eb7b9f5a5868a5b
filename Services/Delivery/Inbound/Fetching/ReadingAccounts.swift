import Contracts
import Foundation
import HTTP
import IMAP
import Postgres
import Primitives
import Streams

/// How mailboxes are read, set by their owners: nothing is stored that was not tried.
struct ReadingAccounts: Sendable {
    let database: Database
    /// Of the background, which alone may delete.
    let worker: Database
    let connector: IMAPConnector
    let keyring: Keyring
    let outbox: Outbox
    /// Of the reading, which looks for mailboxes at once.
    let wakeup: Wakeup
    let clock: WallClock

    /// Signs in as reading would; the problem says at which step it failed and what the server said, nil when it did not.
    func problem(of account: (server: IMAPServer, credentials: IMAPCredentials)?) async -> Problem? {
        guard let account else { return nil }
        do throws(IMAPError) {
            let connection = try await connector.connect(account.server, account.credentials)
            defer { connection.interrupt() }
            _ = try await connection.examine("INBOX")
            await connection.logout()
            return nil
        } catch {
            return Problem.unprocessable(
                kind: "imap_test_failed", title: "The mailbox could not be read with these settings.", detail: error.message,
                extensions: ["part": .text("imap"), "stage": .text(error.stage.rawValue), "reply": .text(error.words ?? "")])
        }
    }

    /// Stores an account that was tried, in the transaction that makes or changes its mailbox.
    func put(_ account: IMAPAccount, of mailbox: MailboxID, _ tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        let sealed = try keyring.seal(Data(account.password.utf8), for: ReadingMailbox.place(mailbox, of: tenant))
        try await ReaderStore.put(
            account.server, username: account.username, .password(sealed: sealed), of: mailbox, tenant, at: now, in: transaction)
    }

    /// Tries an account and stores it for a mailbox that is there.
    func change(_ known: Mailbox, _ account: IMAPAccount, by identity: Identity, audit: AuditRecord) async throws -> MailboxView {
        try known.requirePassword()
        if let problem = await problem(of: (account.server, .password(username: account.username, password: account.password))) { throw problem }
        let now = clock.now
        let event = try PendingEvent(
            DeliveryEvents.MailboxChanged(mailbox: known.id), at: now, tenant: identity.tenant, workspace: known.workspace, actor: identity.actor,
            audit: audit)
        try await database.transaction(as: identity.tenant) { transaction in
            try await put(account, of: known.id, identity.tenant, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        return try await view(of: known, identity.tenant)
    }

    /// Stops reading and forgets the credentials and where in its folders the reading was; again changes nothing. Whoever reads it at this moment has
    /// lost it. What came in stays in the inbox.
    func forget(_ known: Mailbox, by identity: Identity, audit: AuditRecord) async throws {
        let (tenant, now) = (identity.tenant, clock.now)
        let event = try PendingEvent(
            DeliveryEvents.MailboxChanged(mailbox: known.id), at: now, tenant: tenant, workspace: known.workspace, actor: identity.actor,
            audit: audit)
        try await worker.transaction { transaction in
            guard try await ReaderStore.remove(known.id, tenant, in: transaction) else { return }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    func view(of mailbox: Mailbox, _ tenant: TenantID) async throws -> MailboxView {
        try await views(of: [mailbox], tenant)[0]
    }

    func views(of mailboxes: [Mailbox], _ tenant: TenantID) async throws -> [MailboxView] {
        let identifiers = mailboxes.map(\.id)
        let views = try await ReaderStore.views(of: identifiers, tenant, in: database)
        let figures = try await MailboxFigureStore.read(identifiers, of: tenant, in: database)
        return mailboxes.map { MailboxView(mailbox: $0, imap: views[$0.id], figures: figures[$0.id]) }
    }
}
