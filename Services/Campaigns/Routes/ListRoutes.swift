import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Lists, and who is in them.
struct ListRoutes {
    private static let most = 1_000

    let lists: Lists
    let idempotency: IdempotencyKeys
    let workspaces: WorkspaceCheck

    struct CreateRequest: Codable {
        let workspace: WorkspaceID
        let name: String
    }

    private struct ChangeRequest: Decodable {
        let name: String
    }

    private struct MembersRequest: Codable {
        let leads: [LeadID]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/lists") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let found = try await ListStore.list(
                of: identity.tenant, workspaces: try context.workspaces(askedBy: request), after: try page.after(ListID.self),
                limit: page.limit + 1, in: lists.database)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/lists") { request, context in try await create(request, context) }
        router.get("/api/v1/lists/{id}") { _, context in
            let list = try await find(context)
            return try Response.json(list, headers: Revision(list.revision).header)
        }
        router.patch("/api/v1/lists/{id}") { request, context in
            let identity = try context.require(atLeast: .member)
            let expected = try Revision.required(by: request)
            let input = try await request.json(ChangeRequest.self)
            let list = try await lists.rename(
                try context.identifier("id", as: ListID.self), to: try checkedName(input.name), expected: expected, by: identity,
                audit: { context.audit($0, targets: [$1], changes: $2, metadata: $3) })
            return try Response.json(list, headers: Revision(list.revision).header)
        }
        router.delete("/api/v1/lists/{id}") { request, context in
            let identity = try context.require(atLeast: .member)
            try await lists.delete(
                try context.identifier("id", as: ListID.self), expected: try Revision.required(by: request), by: identity,
                audit: { context.audit($0, targets: [$1], changes: $2, metadata: $3) })
            return Response.noContent
        }
        addMembers(to: router)
    }

    private func addMembers(to router: Router<AppContext>) {
        router.get("/api/v1/lists/{id}/leads") { request, context in
            let list = try await find(context)
            let page = try PageRequest(request)
            let leads = try await lists.leads(
                list, tenant: try context.requireIdentity().tenant, after: try page.after(LeadID.self), limit: page.limit + 1)
            return try Response.json(Page(leads, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/lists/{id}/leads") { request, context in
            let identity = try context.require(atLeast: .member)
            let input = try await request.json(MembersRequest.self)
            let leads = try checked(input)
            return try await idempotency.once(request, as: identity, body: input) {
                let addition = try await lists.add(
                    leads, to: try context.identifier("id", as: ListID.self), by: identity,
                    audit: { context.audit($0, targets: [$1], changes: $2, metadata: $3) })
                return try Response.json(addition)
            }
        }
        router.delete("/api/v1/lists/{id}/leads") { request, context in try await remove(request, context) }
        // The same for clients and proxies that send no body with DELETE.
        router.post("/api/v1/lists/{id}/leads/remove") { request, context in try await remove(request, context) }
    }

    private func remove(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let leads = try checked(try await request.json(MembersRequest.self))
        let removal = try await lists.remove(
            leads, from: try context.identifier("id", as: ListID.self), by: identity,
            audit: { context.audit($0, targets: [$1], changes: $2, metadata: $3) })
        return try Response.json(removal)
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(CreateRequest.self)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let name = try checkedName(input.name)
        return try await idempotency.once(request, as: identity, body: input) {
            try await workspaces.require(input.workspace, of: identity.tenant)
            let list = try await lists.create(
                name: name, workspace: input.workspace, by: identity,
                audit: { context.audit($0, targets: [$1], changes: $2, metadata: $3) })
            return try Response.json(list, status: .created, headers: Revision(list.revision).header)
        }
    }

    private func find(_ context: AppContext) async throws -> LeadList {
        let identity = try context.requireIdentity()
        let list = try await ListStore.find(try context.identifier("id", as: ListID.self), of: identity.tenant, in: lists.database)
        guard let list, identity.mayUse(list.workspace) else { throw Problem.notFound("list") }
        return list
    }

    private func checked(_ input: MembersRequest) throws(Problem) -> Set<LeadID> {
        guard (1...Self.most).contains(input.leads.count) else {
            throw Problem.invalid("leads must name 1 to \(Self.most) leads; send more in several requests.", field: "leads")
        }
        return Set(input.leads)
    }
}
