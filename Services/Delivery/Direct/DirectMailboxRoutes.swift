import Contracts
import Foundation
import HTTP
import Hummingbird
import Mail

/// Connecting mailboxes that have no server of their own.
struct DirectMailboxRoutes: Sendable {
    let direct: DirectMailboxes

    struct ConnectRequest: Codable {
        let workspace: WorkspaceID
        let address: String
        let displayName: String
        let imap: IMAPAccount?
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/mailboxes/direct") { request, context in try await connect(request, context) }
        router.put("/api/v1/mailboxes/{id}/direct") { _, context in
            let identity = try context.require(atLeast: .member)
            return try Response.json(
                try await direct.change(
                    try context.identifier("id", as: MailboxID.self), by: identity,
                    audit: { context.audit("mailbox.reconnect", targets: [$0], metadata: ["transport": "direct"]) }))
        }
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
        let name = input.displayName.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...100).contains(name.count), !name.contains(where: \.isNewline) else {
            throw Problem.invalid("display_name must have 1 to 100 characters in one line.", field: "display_name")
        }
        try input.imap?.check()
        let new = DirectMailboxes.New(workspace: input.workspace, address: address, displayName: name, imap: input.imap)
        return try await direct.mailboxes.idempotency.once(request, as: identity, body: input) {
            let mailbox = try await direct.connect(
                new, by: identity, audit: { context.audit("mailbox.connect", targets: [$0], metadata: ["transport": "direct"]) })
            return try Response.json(try await direct.mailboxes.reading.view(of: mailbox, identity.tenant), status: .created)
        }
    }
}
