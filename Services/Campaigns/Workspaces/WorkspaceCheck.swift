import Contracts
import HTTP
import RPC

/// Asks Auth whether a workspace is there: what is made for one that was deleted, or never was, nobody would ever find or remove.
struct WorkspaceCheck: Sendable {
    let auth: RPCClient

    /// Throws a 422 problem when the tenant has no such workspace.
    func require(_ workspace: WorkspaceID, of tenant: TenantID) async throws {
        guard try await find(workspace, of: tenant) != nil else {
            throw Problem.unprocessable(kind: "workspace_not_found", title: "There is no such workspace.")
        }
    }

    /// Nil when the tenant has no such workspace.
    func find(_ workspace: WorkspaceID, of tenant: TenantID) async throws -> AuthRPC.ReadWorkspace.Result? {
        do throws(RPCError) {
            return try await auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: workspace))
        } catch {
            guard error.kind == "workspace_not_found" else { throw error }
            return nil
        }
    }
}
