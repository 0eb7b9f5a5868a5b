import Contracts
import Foundation
import HTTP
import Hummingbird

/// A tenant's workspaces.
struct WorkspaceRoutes {
    /// On one page.
    private static let most = 1_000

    let workspaces: Workspaces

    struct CreateRequest: Codable {
        let name: String
        let postalAddress: String?
    }

    struct ChangeRequest: Decodable {
        let name: String?
        let postalAddress: String?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/workspaces") { request, context in
            let identity = try context.requireIdentity()
            // Whoever begins to work needs all of them to choose from.
            let page = try PageRequest(request, maximum: Self.most, standard: Self.most)
            let list = try await workspaces.list(for: identity, after: try page.after(Workspace.Place.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { Workspace.Place(name: $0.name, id: $0.id) })
        }
        router.get("/api/v1/workspaces/{id}") { _, context in
            let id = try context.identifier("id", as: WorkspaceID.self)
            let identity = try context.require(atLeast: .viewer, in: id)
            guard let workspace = try await workspaces.find(id, of: identity.tenant) else { throw Problem.notFound("workspace") }
            return try Response.json(workspace)
        }
        router.patch("/api/v1/workspaces/{id}") { request, context in try await change(request, context) }
        router.post("/api/v1/workspaces") { request, context in try await create(request, context) }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        let input = try await request.json(CreateRequest.self)
        let name = try Self.checked(name: input.name)
        let postalAddress = try input.postalAddress.map { try Self.checked(postalAddress: $0) }
        return try await workspaces.idempotency.once(request, as: identity, body: input) {
            let workspace = try await workspaces.create(
                name: name, postalAddress: postalAddress, by: identity, audit: { context.audit("workspace.create", targets: [$0]) })
            return try Response.json(workspace, status: .created)
        }
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let id = try context.identifier("id", as: WorkspaceID.self)
        let identity = try context.require(atLeast: .admin, in: id)
        let input = try await request.json(ChangeRequest.self)
        let change = Workspace.Change(
            name: try input.name.map { try Self.checked(name: $0) },
            postalAddress: try input.postalAddress.map { try Self.checked(postalAddress: $0) })
        let changed = try await workspaces.change(id, change, by: identity) { target, changes in
            context.audit("workspace.change", targets: [target], changes: changes)
        }
        guard let changed else { throw Problem.notFound("workspace") }
        return try .json(changed)
    }

    private static func checked(name: String) throws(Problem) -> String {
        let name = name.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...100).contains(name.count) else { throw Problem.invalid("name must have 1 to 100 characters.", field: "name") }
        return name
    }

    private static func checked(postalAddress: String) throws(Problem) -> String {
        let address = postalAddress.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (5...500).contains(address.count) else {
            throw Problem.invalid("postal_address must have 5 to 500 characters.", field: "postal_address")
        }
        return address
    }
}
