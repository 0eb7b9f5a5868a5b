import Contracts
import Foundation
import Logging
import Postgres
import Primitives

/// Gives consents back before they are forgotten: the provider is told, as well as that goes, and the tokens are deleted.
struct ConsentWithdrawals: Sendable {
    /// Told side by side.
    private static let batch = 50

    let database: Database
    let clients: [OAuthProvider.Name: OAuthClient]
    let keyring: Keyring
    let logger: Logger

    private struct Withdrawal: Sendable {
        let tenant: TenantID
        let mailbox: MailboxID
        let client: OAuthClient?
        /// Nil: there is nothing to tell.
        let tokenSealed: String?
    }

    /// A batch of a company's consents, or of one of its workspaces'; how many went.
    func withdraw(of tenant: TenantID, in workspace: WorkspaceID?) async throws -> Int {
        // One that the same person has given for another mailbox, here or elsewhere, would end with this one: whoever deletes the last tells.
        let rows = try await database.query(
            """
            with these as (
                select c.tenant_id, c.mailbox_id, c.provider, c.issuer, c.subject, c.refresh_sealed from mailbox_consents c
                where c.tenant_id = \(tenant) and (\(workspace)::uuid is null or exists (
                    select from mailboxes m where m.tenant_id = c.tenant_id and m.id = c.mailbox_id and m.workspace_id = \(workspace)))
                order by c.mailbox_id limit \(Self.batch))
            select t.mailbox_id, t.provider, t.refresh_sealed, exists (
                select from mailbox_consents o where o.issuer = t.issuer and o.subject = t.subject and o.state = 'granted'
                  and not exists (select from these x where x.tenant_id = o.tenant_id and x.mailbox_id = o.mailbox_id)) as is_shared
            from these t
            """)
        let these = try rows.map { row in
            let isShared: Bool = try row.decode("is_shared")
            return Withdrawal(
                tenant: tenant, mailbox: try row.decode("mailbox_id"),
                client: clients[try row.decode("provider", as: OAuthProvider.Name.self)],
                tokenSealed: isShared ? nil : try row.decodeOptional("refresh_sealed"))
        }
        guard !these.isEmpty else { return 0 }
        await withDiscardingTaskGroup { group in
            for withdrawal in these { group.addTask { await tell(withdrawal) } }
        }
        try await database.query(
            "delete from mailbox_consents where tenant_id = \(tenant) and mailbox_id = any(\(these.map(\.mailbox)))")
        return these.count
    }

    private func tell(_ withdrawal: Withdrawal) async {
        guard let client = withdrawal.client, let sealed = withdrawal.tokenSealed else { return }
        do {
            let token = try keyring.open(sealed, for: Consent.refreshPlace(withdrawal.mailbox, of: withdrawal.tenant))
            try await client.revoke(String(decoding: token, as: UTF8.self))
        } catch {
            logger.warning(
                "a consent is forgotten that the provider was not told of", metadata: ["mailbox": "\(withdrawal.mailbox)", "error": "\(error)"])
        }
    }
}
