import Contracts
import HTTP
import RPC

/// Asks Auth whether a workspace is there: what is made for one that was deleted, or never was, nobody would ever find or remove.
struct WorkspaceCheck: Sendable {
    let auth: RPCClient

    /// Throws a 422 problem when the tenant has no such workspace.
    func require(_ workspace: WorkspaceID, of tenant: TenantID) async throws {
        do throws(RPCError) {
            _ = try await auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: workspace))
        } catch {
            guard error.kind == "workspace_not_found" else { throw error }
            throw Problem.unprocessable(kind: "workspace_not_found", title: "There is no such workspace.")
        }
    }
}
