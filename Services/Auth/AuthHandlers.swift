import Contracts
import RPC

/// What other services may ask, as calls of features.
struct AuthHandlers {
    let workspaces: Workspaces
    let sessions: Sessions
    let support: SupportSessions

    func add(to router: inout RPCRouter) {
        let (sessions, support) = (sessions, support)
        router.on(AuthRPC.LivingSessions.self) { request, _ in
            let asked = request.supportSessions ?? []
            guard request.sessions.count <= 10_000, asked.count <= 10_000 else {
                throw RPCError(kind: "invalid_batch", message: "At most 10,000 sessions.")
            }
            return AuthRPC.LivingSessions.Result(
                living: try await sessions.living(request.sessions), livingSupport: asked.isEmpty ? nil : try await support.living(asked))
        }
        router.on(AuthRPC.ReadWorkspace.self) { request, _ in
            guard let workspace = try await workspaces.find(request.workspace, of: request.tenant) else {
                throw RPCError(kind: "workspace_not_found", message: "The tenant has no such workspace.")
            }
            return AuthRPC.Workspace(
                id: workspace.id, name: workspace.name, slug: workspace.slug, postalAddress: workspace.postalAddress)
        }
    }
}
