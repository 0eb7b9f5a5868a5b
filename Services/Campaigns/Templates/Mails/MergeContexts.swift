import Contracts
import Foundation
import HTTP
import Postgres
import RPC

/// Finds what a template is shown with: a lead that the caller may see, a mailbox and the workspace's address.
struct MergeContexts: Sendable {
    let database: Database
    let auth: RPCClient
    let delivery: RPCClient

    /// Of what is not named, a sample is taken.
    func values(
        lead: LeadID?, mailbox: DeliveryRPC.Mailbox?, workspace: WorkspaceID, customFields: Set<String>, for identity: Identity
    ) async throws -> MergeValues {
        let person: Lead = if let lead { try await self.lead(lead, for: identity) } else { .sample(customFields: customFields) }
        return MergeValues(
            lead: person, senderName: mailbox?.displayName ?? "Grace Sender", senderAddress: mailbox?.address ?? "grace@example.com",
            campaignName: "Sample campaign", postalAddress: try await postalAddress(of: workspace, tenant: identity.tenant))
    }

    /// The workspace's mailbox, or the problem 422.
    func mailbox(_ mailbox: MailboxID, in workspace: WorkspaceID, of tenant: TenantID) async throws -> DeliveryRPC.Mailbox {
        let found: DeliveryRPC.Mailbox?
        do throws(RPCError) {
            found = try await delivery.call(DeliveryRPC.ReadMailbox(tenant: tenant, mailbox: mailbox))
        } catch {
            guard error.kind == "mailbox_not_found" else { throw error }
            found = nil
        }
        guard let found, found.workspace == workspace else {
            throw Problem.unprocessable(kind: "mailbox_not_found", title: "The workspace has no such mailbox.")
        }
        return found
    }

    /// The keys of the company's own fields.
    func customFields(of tenant: TenantID) async throws -> Set<String> {
        Set(try await CustomFieldStore.list(of: tenant, in: database).map(\.key))
    }

    /// A lead in one of the workspaces that the caller may use, or the problem 404.
    private func lead(_ lead: LeadID, for identity: Identity) async throws -> Lead {
        let found = try await LeadStore.find(lead, of: identity.tenant, visibleIn: identity.workspaces, in: database)
        guard let found else { throw Problem.notFound("lead") }
        return found
    }

    private func postalAddress(of workspace: WorkspaceID, tenant: TenantID) async throws -> String? {
        do throws(RPCError) {
            return try await auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: workspace)).postalAddress
        } catch {
            guard error.kind == "workspace_not_found" else { throw error }
            throw Problem.unprocessable(kind: "workspace_not_found", title: "There is no such workspace.")
        }
    }
}
