import Contracts
import RPC

/// What other services may ask, as calls of features.
struct AuthHandlers {
    let workspaces: Workspaces

    func add(to router: inout RPCRouter) {
        router.on(AuthRPC.ReadWorkspace.self) { request, _ in
            guard let workspace = try await workspaces.find(request.workspace, of: request.tenant) else {
                throw RPCError(kind: "workspace_not_found", message: "The tenant has no such workspace.")
            }
            return AuthRPC.Workspace(
                id: workspace.id, name: workspace.name, slug: workspace.slug, postalAddress: workspace.postalAddress)
        }
    }
}
