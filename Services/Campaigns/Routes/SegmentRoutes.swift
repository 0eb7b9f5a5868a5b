import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Segments, and the leads that they mean at the moment.
struct SegmentRoutes {
    /// What the gateway lets through: a filter may name hundreds of values.
    private static let limit = 256 * 1024

    let segments: Segments
    let idempotency: IdempotencyKeys
    let workspaces: WorkspaceCheck

    /// The filter is read as it comes, so that its faults are told with their place and not as a body that cannot be read.
    struct CreateRequest: Codable {
        let workspace: WorkspaceID
        let name: String
        let filter: SegmentFilter.JSON
    }

    private struct ChangeRequest: Decodable {
        let name: String
        let filter: SegmentFilter.JSON
    }

    private struct PreviewRequest: Decodable {
        let workspace: WorkspaceID
        let filter: SegmentFilter.JSON
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/segments") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let list = try await SegmentStore.list(
                of: identity.tenant, workspaces: try context.workspaces(askedBy: request), after: try page.after(SegmentID.self),
                limit: page.limit + 1, in: segments.database)
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/segments") { request, context in try await create(request, context) }
        router.post("/api/v1/segments/preview") { request, context in
            let input = try await request.json(PreviewRequest.self, limit: Self.limit)
            let identity = try context.require(atLeast: .viewer, in: input.workspace)
            return try Response.json(
                try await segments.preview(try parse(input.filter), workspace: input.workspace, tenant: identity.tenant))
        }
        router.get("/api/v1/segments/{id}") { _, context in
            let segment = try await find(context)
            return try Response.json(segment, headers: Revision(segment.revision).header)
        }
        router.put("/api/v1/segments/{id}") { request, context in try await change(request, context) }
        router.delete("/api/v1/segments/{id}") { request, context in
            let identity = try context.require(atLeast: .member)
            try await segments.delete(
                try context.identifier("id", as: SegmentID.self), expected: try Revision.required(by: request), by: identity,
                audit: { context.audit($0, targets: [$1], changes: $2) })
            return Response.noContent
        }
        router.get("/api/v1/segments/{id}/count") { _, context in
            let segment = try await find(context)
            return try Response.json(try await segments.count(segment, tenant: try context.requireIdentity().tenant))
        }
        router.get("/api/v1/segments/{id}/leads") { request, context in
            let segment = try await find(context)
            let page = try PageRequest(request)
            let leads = try await segments.leads(
                segment, tenant: try context.requireIdentity().tenant, after: try page.after(LeadID.self), limit: page.limit + 1)
            return try Response.json(Page(leads, limit: page.limit) { $0.id })
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(CreateRequest.self, limit: Self.limit)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let name = try checkedName(input.name)
        let filter = try parse(input.filter)
        return try await idempotency.once(request, as: identity, body: input) {
            try await workspaces.require(input.workspace, of: identity.tenant)
            let segment = try await segments.create(
                name: name, filter: filter, workspace: input.workspace, by: identity,
                audit: { context.audit($0, targets: [$1], changes: $2) })
            return try Response.json(segment, status: .created, headers: Revision(segment.revision).header)
        }
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let expected = try Revision.required(by: request)
        let input = try await request.json(ChangeRequest.self, limit: Self.limit)
        let segment = try await segments.change(
            try context.identifier("id", as: SegmentID.self), name: try checkedName(input.name), filter: try parse(input.filter),
            expected: expected, by: identity, audit: { context.audit($0, targets: [$1], changes: $2) })
        return try Response.json(segment, headers: Revision(segment.revision).header)
    }

    private func find(_ context: AppContext) async throws -> Segment {
        let identity = try context.requireIdentity()
        let segment = try await SegmentStore.find(try context.identifier("id", as: SegmentID.self), of: identity.tenant, in: segments.database)
        guard let segment, identity.mayUse(segment.workspace) else { throw Problem.notFound("segment") }
        return segment
    }

    private func parse(_ json: SegmentFilter.JSON) throws(Problem) -> SegmentFilter {
        do throws(SegmentFilter.Invalid) {
            return try SegmentFilter(json)
        } catch {
            throw Problem(error)
        }
    }
}
