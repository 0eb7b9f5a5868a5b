import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Imports, and the leads they brought.
struct ImportRoutes {
    let importer: Importer
    let workspaces: WorkspaceCheck

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/imports") { request, context in try await run(request, context) }
        router.get("/api/v1/imports/{id}") { _, context in try Response.json(try await find(context)) }
        router.get("/api/v1/imports/{id}/errors") { request, context in
            let run = try await find(context)
            let page = try PageRequest(request)
            let errors = try await ImportStore.errors(
                of: run.id, tenant: try context.requireIdentity().tenant, after: try page.after(Int64.self) ?? 0, limit: page.limit + 1,
                in: importer.database)
            return try Response.json(Page(errors, limit: page.limit) { $0.line })
        }
        router.get("/api/v1/leads") { request, context in
            guard let workspace = request.uri.queryParameters["workspace"].flatMap({ WorkspaceID($0) }) else {
                throw Problem.invalid("workspace must name a workspace.", field: "workspace")
            }
            let identity = try context.require(atLeast: .viewer, in: workspace)
            let page = try PageRequest(request)
            let leads = try await LeadStore.list(
                of: identity.tenant, workspace: workspace, after: try page.after(LeadID.self), limit: page.limit + 1, in: importer.database)
            return try Response.json(Page(leads, limit: page.limit) { $0.id })
        }
        router.get("/api/v1/leads/{id}") { _, context in
            let identity = try context.requireIdentity()
            let lead = try await LeadStore.find(try context.identifier("id", as: LeadID.self), of: identity.tenant, in: importer.database)
            guard let lead else { throw Problem.notFound("lead") }
            return try Response.json(lead)
        }
    }

    private func run(_ request: Request, _ context: AppContext) async throws -> Response {
        let parameters = request.uri.queryParameters
        guard let workspace = parameters["workspace"].flatMap({ WorkspaceID($0) }) else {
            throw Problem.invalid("workspace must name a workspace.", field: "workspace")
        }
        let identity = try context.require(atLeast: .member, in: workspace)
        guard let contentType = request.headers[.contentType], contentType.lowercased().hasPrefix("text/csv") else {
            throw Problem(
                .unsupportedMediaType, kind: "unsupported_media_type", title: "This route takes CSV.", detail: "Send Content-Type: text/csv.")
        }
        guard let duplicates = ImportStore.Duplicates(rawValue: parameters["duplicates"].map(String.init) ?? "skip") else {
            throw Problem.invalid("duplicates must be skip or update.", field: "duplicates")
        }
        try await workspaces.require(workspace, of: identity.tenant)
        let name = parameters["file_name"].map(String.init) ?? "leads.csv"
        let result = try await importer.run(
            .init(workspace: workspace, fileName: String(name.prefix(200)), duplicates: duplicates), body: request.body, by: identity,
            audit: { context.audit("import.finish", targets: [$0]) })
        return try Response.json(result, status: .created)
    }

    private func find(_ context: AppContext) async throws -> LeadImport {
        let identity = try context.requireIdentity()
        let run = try await ImportStore.find(try context.identifier("id", as: ImportID.self), of: identity.tenant, in: importer.database)
        guard let run, identity.mayUse(run.workspace) else { throw Problem.notFound("import") }
        return run
    }
}
