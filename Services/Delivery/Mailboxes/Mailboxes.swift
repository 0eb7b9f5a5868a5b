import Contracts
import Foundation
import HTTP
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
        try await requireWorkspace(new.workspace, of: identity.tenant)
        try await test(new)
        let now = clock.now
        let mailbox = Mailbox(
            id: MailboxID(.v7(at: now)), workspace: new.workspace, address: new.address.normalized, displayName: new.displayName,
            smtp: .init(
                host: new.account.host, port: new.account.port, security: new.account.security, username: new.account.username),
            state: "active", stateReason: nil, limits: MailboxLimits(), opensAt: nil, createdAt: now)
        let sealed = try seal(new.account.password, mailbox.id, identity.tenant)
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox.id), at: now, tenant: identity.tenant, workspace: new.workspace,
            actor: identity.actor,
            audit: audit(.init(type: "mailbox", id: mailbox.id.description, name: mailbox.address)))
        try await plan.holding(.mailboxes, key: mailbox.id.description, of: identity.tenant) {
            try await database.transaction(as: identity.tenant) { transaction in
                guard try await MailboxStore.insert(mailbox, of: identity.tenant, passwordSealed: sealed, in: transaction) else {
                    throw Problem.conflict(kind: "mailbox_exists", title: "There is a mailbox with this address already.")
                }
                try await DomainStore.checkSoon(new.address.domain.lowercased(), of: identity.tenant, at: now, in: transaction)
                try await ComplaintHolds.cover(mailbox.id, of: identity.tenant, at: now, in: transaction)
                if let imap = new.imap { try await reading.put(imap, of: mailbox.id, identity.tenant, at: now, in: transaction) }
                try await outbox.append([event], in: transaction)
            }
        }
        outbox.wake()
        reading.wakeup.signal()
        // A complaint hold may have paused it already.
        return try await store.find(mailbox.id, of: identity.tenant) ?? mailbox
    }

    /// Tries new settings, stores them, and lets the mailbox send again.
    func reconnect(
        _ mailbox: MailboxID, _ account: SMTPAccount, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord
    ) async throws -> Mailbox {
        guard let known = try await store.find(mailbox, of: identity.tenant), identity.mayUse(known.workspace) else {
            throw Problem.notFound("mailbox")
        }
        try await test(account)
        let now = clock.now
        let sealed = try seal(account.password, mailbox, identity.tenant)
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox), at: now, tenant: identity.tenant, workspace: known.workspace,
            actor: identity.actor,
            audit: audit(.init(type: "mailbox", id: mailbox.description, name: known.address)))
        try await database.transaction(as: identity.tenant) { transaction in
            // Lanes before mailboxes, as the dispatcher locks them.
            try await transaction.query(LaneStore.wake(mailbox: mailbox, of: identity.tenant))
            guard try await MailboxStore.update(mailbox, of: identity.tenant, account, passwordSealed: sealed, at: now, in: transaction) else {
                throw Problem.notFound("mailbox")
            }
            // Another provider may send from now on.
            let domain = String(known.address.drop { $0 != "@" }.dropFirst())
            try await DomainStore.checkSoon(domain, of: identity.tenant, at: now, in: transaction)
            try await ComplaintHolds.cover(mailbox, of: identity.tenant, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        guard let updated = try await store.find(mailbox, of: identity.tenant) else { throw Problem.notFound("mailbox") }
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

    /// Tries both ways, so that whoever mistyped both hears of both at once.
    private func test(_ new: New) async throws {
        async let imap = reading.problem(of: new.imap)
        do {
            try await test(new.account)
        } catch var problem as Problem {
            if let other = await imap {
                problem.extensions["also"] = .object(other.extensions.merging(["detail": .text(other.detail ?? "")]) { first, _ in first })
            }
            throw problem
        }
        if let problem = await imap { throw problem }
    }

    /// Connects and signs in as sending would; the problem says at which step it failed and what the server said.
    private func test(_ account: SMTPAccount) async throws {
        let credentials: SMTPCredentials? =
            account.username.isEmpty ? nil : .password(username: account.username, password: account.password)
        do throws(SMTPError) {
            let connection = try await connector.connect(
                SMTPServer(host: account.host, port: account.port, security: account.security), credentials, MultiThreadedEventLoopGroup.singleton)
            await connection.quit()
        } catch {
            throw Problem.unprocessable(
                kind: "smtp_test_failed", title: "The mail server could not be used with these settings.", detail: error.message,
                extensions: [
                    "part": .text("smtp"), "stage": .text(error.stage.rawValue), "reply": .text(error.reply.map { "\($0)" } ?? ""),
                ])
        }
    }

    func requireWorkspace(_ workspace: WorkspaceID, of tenant: TenantID) async throws {
        do throws(RPCError) {
            _ = try await auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: workspace))
        } catch {
            guard error.kind == "workspace_not_found" else { throw error }
            throw Problem.unprocessable(kind: "workspace_not_found", title: "There is no such workspace.")
        }
    }

    func seal(_ password: String, _ mailbox: MailboxID, _ tenant: TenantID) throws -> String {
        try keyring.seal(Data(password.utf8), for: SendingMailbox.place(mailbox, of: tenant))
    }
}
