import Contracts
import Foundation
import HTTP
import Hummingbird

/// Leads as files.
struct LeadExportRoutes {
    let exports: LeadExports
    let idempotency: IdempotencyKeys
    let workspaces: WorkspaceCheck

    struct CreateRequest: Codable {
        let workspace: WorkspaceID
        let format: LeadExportFormat
        let filter: LeadFilter?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/leads/export") { request, context in
            let query = try LeadQuery(request)
            let identity = try context.require(atLeast: .member, in: query.workspace)
            guard let format = LeadExportFormat(rawValue: request.uri.queryParameters["format"].map { String($0) } ?? "csv") else {
                throw Problem.invalid("format must be csv or ndjson.", field: "format")
            }
            return try await exports.stream(query.filter, of: query.workspace, as: format, by: LeadActor(identity, context))
        }
        router.post("/api/v1/leads/exports") { request, context in try await create(request, context) }
        router.get("/api/v1/leads/exports") { request, context in
            let identity = try context.require(atLeast: .member)
            let page = try PageRequest(request)
            let found = try await LeadExportStore.list(
                of: identity.tenant, workspaces: identity.workspaces, before: try page.after(LeadExportID.self), limit: page.limit + 1,
                in: exports.database)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.get("/api/v1/leads/exports/{id}") { _, context in try Response.json(try await find(context)) }
        router.get("/api/v1/leads/exports/{id}/file") { _, context in
            let export = try await find(context)
            return try await exports.file(of: export, by: LeadActor(try context.requireIdentity(), context))
        }
        router.delete("/api/v1/leads/exports/{id}") { _, context in
            let export = try await find(context)
            if export.status != .cancelled { try await exports.cancel(export, by: LeadActor(try context.requireIdentity(), context)) }
            return Response.noContent
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(CreateRequest.self)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let filter = input.filter ?? LeadFilter()
        try LeadQuery.check(filter)
        return try await idempotency.once(request, as: identity, body: input) {
            try await workspaces.require(input.workspace, of: identity.tenant)
            let export = try await exports.begin(filter, of: input.workspace, as: input.format, by: LeadActor(identity, context))
            return try Response.json(export, status: .accepted)
        }
    }

    /// An export is a file of what a viewer may only look at.
    private func find(_ context: AppContext) async throws -> LeadExport {
        let identity = try context.require(atLeast: .member)
        let id = try context.identifier("id", as: LeadExportID.self, called: "export")
        guard let export = try await LeadExportStore.find(id, of: identity.tenant, in: exports.database), identity.mayUse(export.workspace) else {
            throw Problem.notFound("export")
        }
        return export
    }
}
