import Contracts
import Foundation
import HTTP
import Hummingbird
import Mail

/// A tenant's mailboxes.
struct MailboxRoutes {
    let mailboxes: Mailboxes

    struct ConnectRequest: Codable {
        let workspace: WorkspaceID
        let address: String
        let displayName: String
        let smtp: SMTPAccount
        let imap: IMAPAccount?
    }

    private struct PauseRequest: Codable {
        let reason: String
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/mailboxes") { request, context in try await connect(request, context) }
        router.get("/api/v1/mailboxes") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let list = try await mailboxes.store.list(
                of: identity.tenant, in: try context.workspaces(askedBy: request), after: try page.after(MailboxID.self), limit: page.limit + 1)
            let views = try await mailboxes.reading.views(of: list, identity.tenant)
            return try Response.json(Page(views, limit: page.limit) { $0.mailbox.id })
        }
        router.get("/api/v1/mailboxes/{id}") { _, context in
            let identity = try context.requireIdentity()
            let found = try await mailboxes.store.find(try context.identifier("id", as: MailboxID.self), of: identity.tenant)
            guard let found, identity.mayUse(found.workspace) else { throw Problem.notFound("mailbox") }
            return try await answer(found, identity)
        }
        addPace(to: router)
        router.put("/api/v1/mailboxes/{id}/smtp") { request, context in
            let identity = try context.require(atLeast: .member)
            let account = try checked(try await request.json(SMTPAccount.self))
            let mailbox = try await mailboxes.reconnect(
                try context.identifier("id", as: MailboxID.self), account, by: identity,
                audit: { context.audit("mailbox.reconnect", targets: [$0]) })
            return try await answer(mailbox, identity)
        }
    }

    /// As `GET` shows it.
    private func answer(_ mailbox: Mailbox, _ identity: Identity) async throws -> Response {
        try Response.json(try await mailboxes.reading.view(of: mailbox, identity.tenant))
    }

    private func addPace(to router: Router<AppContext>) {
        router.put("/api/v1/mailboxes/{id}/limits") { request, context in
            let identity = try context.require(atLeast: .member)
            let limits = try Self.checked(try await request.json(MailboxLimits.self))
            let metadata = [
                "daily": limits.daily.map(String.init) ?? "none", "hourly": limits.hourly.map(String.init) ?? "none",
                "gap_seconds": String(limits.gapSeconds), "ramp": limits.ramp ?? "none",
            ]
            let mailbox = try await mailboxes.set(
                limits, of: try context.identifier("id", as: MailboxID.self), by: identity,
                audit: { context.audit("mailbox.limit", targets: [$0], metadata: metadata) })
            return try await answer(mailbox, identity)
        }
        router.post("/api/v1/mailboxes/{id}/pause") { request, context in
            let identity = try context.require(atLeast: .member)
            let reason = try await request.json(PauseRequest.self).reason.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (1...200).contains(reason.count) else { throw Problem.invalid("reason must have 1 to 200 characters.", field: "reason") }
            let mailbox = try await mailboxes.pause(
                try context.identifier("id", as: MailboxID.self), reason: reason, by: identity,
                audit: { context.audit("mailbox.pause", targets: [$0], metadata: ["reason": reason]) })
            return try await answer(mailbox, identity)
        }
        router.post("/api/v1/mailboxes/{id}/resume") { _, context in
            let identity = try context.require(atLeast: .member)
            let mailbox = try await mailboxes.resume(
                try context.identifier("id", as: MailboxID.self), by: identity, audit: { context.audit("mailbox.resume", targets: [$0]) })
            return try await answer(mailbox, identity)
        }
    }

    /// In one line, without spaces around it.
    static func checked(displayName: String) throws(Problem) -> String {
        let name = displayName.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...100).contains(name.count), !name.contains(where: \.isNewline) else {
            throw Problem.invalid("display_name must have 1 to 100 characters in one line.", field: "display_name")
        }
        return name
    }

    static func checked(_ limits: MailboxLimits) throws(Problem) -> MailboxLimits {
        guard limits.daily.map({ (1...100_000).contains($0) }) ?? true else { throw Problem.invalid("daily must be 1 to 100000.", field: "daily") }
        guard limits.hourly.map({ (1...100_000).contains($0) }) ?? true else { throw Problem.invalid("hourly must be 1 to 100000.", field: "hourly") }
        guard (0...86_400).contains(limits.gapSeconds) else { throw Problem.invalid("gap_seconds must be 0 to 86400.", field: "gap_seconds") }
        return limits
    }

    private func connect(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(ConnectRequest.self)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let address: MailAddress
        do throws(MailAddressError) {
            address = try MailAddress(input.address)
        } catch {
            throw Problem.invalid("\(error)", field: "address")
        }
        let name = try Self.checked(displayName: input.displayName)
        try input.imap?.check()
        let new = Mailboxes.New(
            workspace: input.workspace, address: address, displayName: name, account: try checked(input.smtp), imap: input.imap)
        return try await mailboxes.idempotency.once(request, as: identity, body: input) {
            let mailbox = try await mailboxes.connect(new, by: identity, audit: { context.audit("mailbox.connect", targets: [$0]) })
            return try Response.json(try await mailboxes.reading.view(of: mailbox, identity.tenant), status: .created)
        }
    }

    private func checked(_ account: SMTPAccount) throws(Problem) -> SMTPAccount {
        guard (1...253).contains(account.host.utf8.count), account.host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Problem.invalid("smtp.host must be a host name.", field: "smtp.host")
        }
        guard (1...65_535).contains(account.port) else { throw Problem.invalid("smtp.port must be 1 to 65535.", field: "smtp.port") }
        guard account.username.utf8.count <= 255, account.password.utf8.count <= 1_024 else {
            throw Problem.invalid("smtp.username or smtp.password is too long.", field: "smtp")
        }
        return account
    }
}
