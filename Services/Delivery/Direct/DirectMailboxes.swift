import Contracts
import Foundation
import HTTP
import Mail
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Mailboxes without a server of their own: this installation hands their mail to the recipients' servers.
///
/// Nobody vouches for such a sender but his domain, so it must be the company's and authenticated, by the last check of its DNS.
struct DirectMailboxes: Sendable {
    let mailboxes: Mailboxes
    let domains: DomainStore
    /// Nil: not offered here.
    let settings: DirectSettings?
    /// Whether domains have to be authenticated, as for everything that is sent.
    let requiresDomain: Bool

    struct New: Sendable {
        let workspace: WorkspaceID
        let address: MailAddress
        let displayName: String
        /// For replies and bounces, which come to the address; nil: nobody reads them here.
        let imap: IMAPAccount?
    }

    func connect(_ new: New, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord) async throws -> Mailbox {
        let settings = try offered()
        let tenant = identity.tenant
        try await mailboxes.requireWorkspace(new.workspace, of: tenant)
        try await requireDomain(of: new.address, tenant)
        if let problem = await mailboxes.reading.problem(of: new.imap) { throw problem }
        let now = mailboxes.clock.now
        let mailbox = Mailbox(
            id: MailboxID(.v7(at: now)), workspace: new.workspace, address: new.address.normalized, displayName: new.displayName,
            smtp: .init(host: settings.name, port: settings.port, security: .startTLS, username: ""), transport: "direct", state: "active",
            stateReason: nil, limits: MailboxLimits(), opensAt: nil, createdAt: now)
        let sealed = try mailboxes.seal("", mailbox.id, tenant)
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox.id), at: now, tenant: tenant, workspace: new.workspace, actor: identity.actor,
            audit: audit(.init(type: "mailbox", id: mailbox.id.description, name: mailbox.address)))
        try await mailboxes.plan.holding(.mailboxes, key: mailbox.id.description, of: tenant) {
            try await mailboxes.database.transaction(as: tenant) { transaction in
                guard try await MailboxStore.insert(mailbox, of: tenant, passwordSealed: sealed, in: transaction) else {
                    throw Problem.conflict(kind: "mailbox_exists", title: "There is a mailbox with this address already.")
                }
                try await transaction.query("update mailboxes set transport = 'direct' where tenant_id = \(tenant) and id = \(mailbox.id)")
                try await DomainStore.checkSoon(new.address.domain.lowercased(), of: tenant, at: now, in: transaction)
                try await ComplaintHolds.cover(mailbox.id, of: tenant, at: now, in: transaction)
                if let imap = new.imap { try await mailboxes.reading.put(imap, of: mailbox.id, tenant, at: now, in: transaction) }
                try await mailboxes.outbox.append([event], in: transaction)
            }
        }
        mailboxes.outbox.wake()
        mailboxes.reading.wakeup.signal()
        return try await mailboxes.store.find(mailbox.id, of: tenant) ?? mailbox
    }

    /// Makes a mailbox that has a server send directly from now on; it keeps its limits, and sends again where its server had stopped it.
    func change(_ mailbox: MailboxID, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord) async throws -> Mailbox {
        let settings = try offered()
        let tenant = identity.tenant
        guard let known = try await mailboxes.store.find(mailbox, of: tenant), identity.mayUse(known.workspace) else {
            throw Problem.notFound("mailbox")
        }
        let address = try MailAddress(known.address)
        try await requireDomain(of: address, tenant)
        let now = mailboxes.clock.now
        let account = SMTPAccount(host: settings.name, port: settings.port, security: .startTLS, username: "", password: "")
        let sealed = try mailboxes.seal("", mailbox, tenant)
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox), at: now, tenant: tenant, workspace: known.workspace, actor: identity.actor,
            audit: audit(.init(type: "mailbox", id: mailbox.description, name: known.address)))
        try await mailboxes.database.transaction(as: tenant) { transaction in
            // Lanes before mailboxes, as the dispatcher locks them.
            try await transaction.query(LaneStore.wake(mailbox: mailbox, of: tenant))
            guard try await MailboxStore.update(mailbox, of: tenant, account, passwordSealed: sealed, at: now, in: transaction) else {
                throw Problem.notFound("mailbox")
            }
            try await transaction.query("update mailboxes set transport = 'direct' where tenant_id = \(tenant) and id = \(mailbox)")
            try await DomainStore.checkSoon(address.domain.lowercased(), of: tenant, at: now, in: transaction)
            try await ComplaintHolds.cover(mailbox, of: tenant, at: now, in: transaction)
            try await mailboxes.outbox.append([event], in: transaction)
        }
        mailboxes.outbox.wake()
        mailboxes.wakeup.signal()
        guard let updated = try await mailboxes.store.find(mailbox, of: tenant) else { throw Problem.notFound("mailbox") }
        return updated
    }

    private func offered() throws(Problem) -> DirectSettings {
        guard let settings else {
            throw Problem.unprocessable(
                kind: "direct_not_offered", title: "Sending without an SMTP server is not offered here.",
                detail: "Connect the mailbox with the SMTP settings of its provider.")
        }
        return settings
    }

    private func requireDomain(of address: MailAddress, _ tenant: TenantID) async throws {
        guard requiresDomain else { return }
        let name = address.domain.lowercased()
        guard try await domains.find(named: name, of: tenant)?.standing.isAuthenticated == true else {
            throw Problem.unprocessable(
                kind: "domain_not_authenticated", title: "The domain \(name) is not authenticated.",
                detail: "Add the domain and publish its records; mail without a server of its own is sent for authenticated domains only.",
                extensions: ["domain": .text(name)])
        }
    }
}
