import Contracts
import Foundation
import HTTP
import Hummingbird

/// Deleting a company or a workspace: its name typed, the password given a moment ago, and 30 days to think again.
struct DeletionRoutes {
    let deletions: Deletions
    let guardian: SessionGuard

    private struct NameRequest: Decodable {
        let name: String
    }

    func add(to router: Router<AppContext>) {
        router.delete("/api/v1/tenants/current") { request, context in
            let identity = try context.require(atLeast: .owner)
            return try await self.request(nil, request, context, by: identity)
        }
        router.delete("/api/v1/workspaces/{id}") { request, context in
            let workspace = try context.identifier("id", as: WorkspaceID.self, called: "company, workspace or deletion")
            let identity = try context.require(atLeast: .admin, in: workspace)
            return try await self.request(workspace, request, context, by: identity)
        }
        router.get("/api/v1/deletions") { request, context in
            let identity = try context.require(atLeast: .admin)
            let page = try PageRequest(request, standard: 200)
            let list = try await deletions.list(for: identity, before: try page.after(DeletionID.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/deletions/{id}/undo") { _, context in
            let identity = try context.require(atLeast: .admin)
            let id = try context.identifier("id", as: DeletionID.self, called: "company, workspace or deletion")
            return try await answering {
                try Response.json(try await deletions.undo(id, by: identity) { context.audit($0, targets: $1) })
            }
        }
    }

    private func request(_ workspace: WorkspaceID?, _ request: Request, _ context: AppContext, by identity: Identity) async throws -> Response {
        _ = try await guardian.freshSession(of: request)
        let typed = try await request.json(NameRequest.self).name
        return try await answering {
            let deletion = try await deletions.request(workspace, typed: typed, by: identity) { context.audit($0, targets: $1) }
            return try Response.json(deletion, status: .accepted)
        }
    }

    private func answering(_ work: () async throws -> Response) async throws -> Response {
        do {
            return try await work()
        } catch let refusal as Deletions.Refusal {
            switch refusal {
            case .notFound: throw Problem.notFound("company, workspace or deletion")
            case .nameMismatch:
                throw Problem.unprocessable(kind: "name_mismatch", title: "This is not its name.", detail: "Type the name exactly as it is shown.")
            case .needsOwner: throw Problem.forbidden("This needs the role owner.")
            case .tooLate: throw Problem.conflict(kind: "deletion_begun", title: "It can no longer be undone.")
            }
        }
    }
}
