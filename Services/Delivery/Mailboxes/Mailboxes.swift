import Contracts
import Foundation
import HTTP
import IMAP
import Mail
import NIOPosix
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams

/// Connecting mailboxes: nothing is stored that was not tried.
struct Mailboxes: Sendable {
    let store: MailboxStore
    let database: Database
    let auth: RPCClient
    let plan: PlanPlaces
    let connector: SMTPConnector
    let keyring: Keyring
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock
    let idempotency: IdempotencyKeys
    let reading: ReadingAccounts

    struct New: Sendable {
        let workspace: WorkspaceID
        let address: MailAddress
        let displayName: String
        let account: SMTPAccount
        /// Nil: it only sends.
        let imap: IMAPAccount?
    }

    /// Tries the account, then stores it with its password sealed; the plan says how many there may be.
    func connect(_ new: New, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord) async throws -> Mailbox {
        _ = try await requireWorkspace(new.workspace, of: identity.tenant)
        try await test(new)
        let now = clock.now
        let mailbox = Mailbox(
            id: MailboxID(.v7(at: now)), workspace: new.workspace, address: new.address.normalized, displayName: new.displayName, kind: .basic,
            smtp: .init(
                host: new.account.host, port: new.account.port, security: new.account.security, username: new.account.username),
            consent: nil, state: "active", stateReason: nil, limits: MailboxLimits(), opensAt: nil, createdAt: now)
        let sealed = try seal(new.account.password, mailbox.id, identity.tenant)
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox.id), at: now, tenant: identity.tenant, workspace: new.workspace,
            actor: identity.actor,
            audit: audit(.init(type: "mailbox", id: mailbox.id.description, name: mailbox.address)))
        return try await make(mailbox, of: identity.tenant, .password(sealed: sealed), event: event) { transaction in
            if let imap = new.imap { try await reading.put(imap, of: mailbox.id, identity.tenant, at: now, in: transaction) }
        }
    }

    /// Stores a mailbox that was tried, under a place of the plan, with what `also` writes of it.
    func make(
        _ mailbox: Mailbox, of tenant: TenantID, _ secret: MailboxSecret, event: PendingEvent, also: (Transaction) async throws -> Void
    ) async throws -> Mailbox {
        try await plan.holding(.mailboxes, key: mailbox.id.description, of: tenant) {
            try await database.transaction(as: tenant) { transaction in
                guard try await MailboxStore.insert(mailbox, of: tenant, secret, in: transaction) else {
                    throw Problem.conflict(kind: "mailbox_exists", title: "There is a mailbox with this address already.")
                }
                try await DomainStore.checkSoon(Self.domain(of: mailbox), of: tenant, at: mailbox.createdAt, in: transaction)
                try await ComplaintHolds.cover(mailbox.id, of: tenant, at: mailbox.createdAt, in: transaction)
                try await also(transaction)
                try await outbox.append([event], in: transaction)
            }
        }
        outbox.wake()
        reading.wakeup.signal()
        // A complaint hold may have paused it already.
        return try await store.find(mailbox.id, of: tenant) ?? mailbox
    }

    private static func domain(of mailbox: Mailbox) -> String {
        String(mailbox.address.drop { $0 != "@" }.dropFirst())
    }

    /// Tries new settings, stores them, and lets the mailbox send again unless it is paused.
    func reconnect(
        _ mailbox: MailboxID, _ account: SMTPAccount, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord
    ) async throws -> Mailbox {
        guard let known = try await store.find(mailbox, of: identity.tenant), identity.mayUse(known.workspace) else {
            throw Problem.notFound("mailbox")
        }
        try known.requirePassword()
        try await test(account)
        let now = clock.now
        let sealed = try seal(account.password, mailbox, identity.tenant)
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox), at: now, tenant: identity.tenant, workspace: known.workspace,
            actor: identity.actor,
            audit: audit(.init(type: "mailbox", id: mailbox.description, name: known.address)))
        let server = SMTPServer(host: account.host, port: account.port, security: account.security)
        return try await change(known, of: identity.tenant, to: server, username: account.username, .password(sealed: sealed), event: event, at: now)
    }

    /// Stores settings that were tried, with what `also` writes of them, and lets the mailbox send again.
    func change(
        _ known: Mailbox, of tenant: TenantID, to server: SMTPServer, username: String, _ secret: MailboxSecret, event: PendingEvent, at now: Date,
        also: (Transaction) async throws -> Void = { _ in }
    ) async throws -> Mailbox {
        try await database.transaction(as: tenant) { transaction in
            // Lanes before mailboxes, as the dispatcher locks them.
            try await transaction.query(LaneStore.wake(mailbox: known.id, of: tenant))
            let isThere = try await MailboxStore.update(
                known.id, of: tenant, server, username: username, secret, at: now, in: transaction)
            guard isThere else { throw Problem.notFound("mailbox") }
            // Another provider may send from now on.
            try await DomainStore.checkSoon(Self.domain(of: known), of: tenant, at: now, in: transaction)
            try await ComplaintHolds.cover(known.id, of: tenant, at: now, in: transaction)
            try await also(transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        reading.wakeup.signal()
        guard let updated = try await store.find(known.id, of: tenant) else { throw Problem.notFound("mailbox") }
        return updated
    }

    /// Sets how much a mailbox sends.
    func set(
        _ limits: MailboxLimits, of mailbox: MailboxID, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord
    ) async throws -> Mailbox {
        try await change(mailbox, by: identity, audit) { transaction, known, now in
            if let name = limits.ramp, try await WarmupStore.strategy(name, in: transaction) == nil {
                throw Problem.invalid("ramp must be the name of a warm-up strategy.", field: "ramp")
            }
            try await MailboxStore.set(limits, of: mailbox, identity.tenant, at: now, in: transaction)
            return DeliveryEvents.MailboxChanged(mailbox: known.id)
        }
    }

    /// Nothing is sent from it until it is resumed.
    func pause(_ mailbox: MailboxID, reason: String, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord) async throws -> Mailbox {
        try await change(mailbox, by: identity, audit) { transaction, known, now in
            guard
                try await MailboxStore.set(
                    state: "paused", reason: reason, of: mailbox, identity.tenant, from: ["active", "paused"], at: now, in: transaction)
            else {
                throw Problem.conflict(kind: "mailbox_stopped", title: "The mailbox is stopped: its server does not let it in.")
            }
            return DeliveryEvents.MailboxChanged(mailbox: known.id)
        }
    }

    func resume(_ mailbox: MailboxID, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord) async throws -> Mailbox {
        try await change(mailbox, by: identity, audit) { transaction, known, now in
            try await ConsentStore.requireGranted(for: mailbox, of: identity.tenant, in: transaction)
            try await ComplaintHolds.requireNone(over: mailbox, of: identity.tenant, in: transaction)
            guard
                try await MailboxStore.set(
                    state: "active", reason: nil, of: mailbox, identity.tenant, from: ["active", "paused"], at: now, in: transaction)
            else {
                throw Problem.conflict(
                    kind: "mailbox_stopped", title: "The mailbox is stopped: its server does not let it in.",
                    detail: "Give it working SMTP settings, and it sends again.")
            }
            return DeliveryEvents.MailboxChanged(mailbox: known.id)
        }
    }

    /// One change of a mailbox that its owner may make, with its event; the mailbox's lanes are looked at again at once.
    private func change(
        _ mailbox: MailboxID, by identity: Identity, _ audit: (AuditRecord.Target) -> AuditRecord,
        _ work: (Transaction, Mailbox, Date) async throws -> DeliveryEvents.MailboxChanged
    ) async throws -> Mailbox {
        guard let known = try await store.find(mailbox, of: identity.tenant), identity.mayUse(known.workspace) else {
            throw Problem.notFound("mailbox")
        }
        let now = clock.now
        let record = audit(.init(type: "mailbox", id: mailbox.description, name: known.address))
        try await database.transaction(as: identity.tenant) { transaction in
            // Lanes before mailboxes, as the dispatcher locks them.
            try await transaction.query(LaneStore.wake(mailbox: mailbox, of: identity.tenant))
            let event = try PendingEvent(
                try await work(transaction, known, now), at: now, tenant: identity.tenant, workspace: known.workspace,
                actor: identity.actor, audit: record)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        guard let updated = try await store.find(mailbox, of: identity.tenant) else { throw Problem.notFound("mailbox") }
        return updated
    }

    private func test(_ new: New) async throws {
        let imap = new.imap.map { ($0.server, IMAPCredentials.password(username: $0.username, password: $0.password)) }
        try await test(new.account.server, new.account.credentials, imap: imap)
    }

    /// Tries both ways, so that whoever mistyped both hears of both at once.
    func test(_ server: SMTPServer, _ credentials: SMTPCredentials?, imap account: (IMAPServer, IMAPCredentials)?) async throws {
        async let imap = reading.problem(of: account)
        if var problem = await problem(of: server, credentials) {
            if let other = await imap {
                problem.extensions["also"] = .object(other.extensions.merging(["detail": .text(other.detail ?? "")]) { first, _ in first })
            }
            throw problem
        }
        if let problem = await imap { throw problem }
    }

    private func test(_ account: SMTPAccount) async throws {
        if let problem = await problem(of: account.server, account.credentials) { throw problem }
    }

    /// Connects and signs in as sending would; the problem says at which step it failed and what the server said, nil when it did not.
    private func problem(of server: SMTPServer, _ credentials: SMTPCredentials?) async -> Problem? {
        do throws(SMTPError) {
            let connection = try await connector.connect(server, credentials, MultiThreadedEventLoopGroup.singleton)
            await connection.quit()
            return nil
        } catch {
            return Problem.unprocessable(
                kind: "smtp_test_failed", title: "The mail server could not be used with these settings.", detail: error.message,
                extensions: [
                    "part": .text("smtp"), "stage": .text(error.stage.rawValue), "reply": .text(error.reply.map { "\($0)" } ?? ""),
                ])
        }
    }

    @discardableResult
    func requireWorkspace(_ workspace: WorkspaceID, of tenant: TenantID) async throws -> AuthRPC.Workspace {
        do throws(RPCError) {
            return try await auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: workspace))
        } catch {
            guard error.kind == "workspace_not_found" else { throw error }
            throw Problem.unprocessable(kind: "workspace_not_found", title: "There is no such workspace.")
        }
    }

    func seal(_ password: String, _ mailbox: MailboxID, _ tenant: TenantID) throws -> String {
        try keyring.seal(Data(password.utf8), for: SendingMailbox.place(mailbox, of: tenant))
    }
}
