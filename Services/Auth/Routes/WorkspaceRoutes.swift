import Foundation
import HTTP
import Hummingbird

/// A tenant's workspaces.
struct WorkspaceRoutes {
    let workspaces: Workspaces

    struct CreateRequest: Codable {
        let name: String
        let postalAddress: String?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/workspaces") { _, context in
            let list = try await workspaces.list(for: try context.requireIdentity())
            return try Response.json(Page(list, limit: max(1, list.count)) { $0.id })
        }
        router.post("/api/v1/workspaces") { request, context in try await create(request, context) }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        let input = try await request.json(CreateRequest.self)
        let name = input.name.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...100).contains(name.count) else { throw Problem.invalid("name must have 1 to 100 characters.", field: "name") }
        let postalAddress = input.postalAddress?.trimmingCharacters(in: .whitespacesAndNewlines)
        guard postalAddress.map({ (5...500).contains($0.count) }) ?? true else {
            throw Problem.invalid("postal_address must have 5 to 500 characters.", field: "postal_address")
        }
        return try await workspaces.idempotency.once(request, as: identity, body: input) {
            let workspace = try await workspaces.create(
                name: name, postalAddress: postalAddress, by: identity, audit: { context.audit("workspace.create", targets: [$0]) })
            return try Response.json(workspace, status: .created)
        }
    }
}
