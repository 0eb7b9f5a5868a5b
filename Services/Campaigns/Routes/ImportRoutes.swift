import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore

/// Imports of leads: preview, upload, progress, history, cancelling and taking back.
struct ImportRoutes {
    let importer: Importer
    let control: ImportControl
    let workspaces: WorkspaceCheck

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/imports/preview") { request, context in try await preview(request, context) }
        router.post("/api/v1/imports") { request, context in try await run(request, context) }
        router.get("/api/v1/imports") { request, context in try await list(request, context) }
        router.get("/api/v1/imports/{id}") { _, context in try Response.json(try await find(context)) }
        router.get("/api/v1/imports/{id}/errors") { request, context in
            let run = try await find(context)
            _ = try context.require(atLeast: .member, in: run.workspace)
            let page = try PageRequest(request)
            let errors = try await ImportStore.errors(
                of: run.id, tenant: try context.requireIdentity().tenant, after: try page.after(Int64.self) ?? 0, limit: page.limit + 1,
                in: importer.database)
            return try Response.json(Page(errors, limit: page.limit) { $0.line })
        }
        router.get("/api/v1/imports/{id}/rejected.csv") { _, context in
            let run = try await find(context)
            let identity = try context.require(atLeast: .member, in: run.workspace)
            try await control.noteDownload(of: run, by: identity, audit: audit("import.download_rejected", of: run, context))
            return RejectedFile(run: run, tenant: identity.tenant, database: importer.database).response
        }
        router.post("/api/v1/imports/{id}/cancel") { _, context in
            let run = try await find(context)
            let identity = try context.require(atLeast: .member, in: run.workspace)
            return try Response.json(try await control.cancel(run, by: identity, audit: audit("import.cancel", of: run, context)))
        }
        router.post("/api/v1/imports/{id}/rollback") { _, context in
            let run = try await find(context)
            let identity = try context.require(atLeast: .member, in: run.workspace)
            let moved = try await control.rollBack(run, by: identity, audit: audit("import.rollback", of: run, context))
            return try Response.json(moved, status: .accepted)
        }
    }

    private func run(_ request: Request, _ context: AppContext) async throws -> Response {
        let workspace = try workspace(of: request)
        let identity = try context.require(atLeast: .member, in: workspace)
        let isTabbed = try isTabbed(request)
        let parameters = request.uri.queryParameters
        guard let duplicates = Duplicates(rawValue: parameters["duplicates"].map(String.init) ?? "skip") else {
            throw Problem.invalid("duplicates must be skip, update or create_only.", field: "duplicates")
        }
        let id = try identifier(ImportID.self, "id", of: request)
        let list = try identifier(ListID.self, "list", of: request)
        let tags = try tags(of: request)
        let mapping = try mapping(of: request)
        let encoding = try encoding(of: request)
        try await workspaces.require(workspace, of: identity.tenant)
        if let list, try await ListStore.find(list, of: identity.tenant, in: importer.database)?.workspace != workspace {
            throw Problem.unprocessable(
                kind: "list_not_found", title: "The workspace has no such list.", detail: "Make the list first, or leave out the parameter list.")
        }
        let name = parameters["file_name"].map(String.init) ?? "leads.csv"
        let result = try await importer.run(
            .init(
                id: id, workspace: workspace, fileName: String(name.prefix(200)), duplicates: duplicates, list: list, tags: tags, mapping: mapping,
                isTabbed: isTabbed, encoding: encoding),
            body: request.body, by: identity, audit: { context.audit($0, targets: [$1]) })
        return try Response.json(result, status: .created)
    }

    private func preview(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member, in: try workspace(of: request))
        let isTabbed = try isTabbed(request)
        let mapping = try mapping(of: request)
        let encoding = try encoding(of: request)
        var beginning: [UInt8] = []
        var isWhole = true
        for try await part in request.body {
            let room = ImportPreview.maximumSize - beginning.count
            beginning.append(contentsOf: part.readableBytesView.prefix(room))
            guard part.readableBytes <= room else {
                isWhole = false
                break
            }
        }
        let fields = try await ImportStore.fields(of: identity.tenant, in: importer.database)
        return try Response.json(
            try ImportPreview(beginning, isWhole: isWhole, isTabbed: isTabbed, encoding: encoding, mapping: mapping, fields: fields))
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let workspace = try workspace(of: request)
        let identity = try context.require(atLeast: .viewer, in: workspace)
        let page = try PageRequest(request)
        let runs = try await ImportStore.list(
            of: identity.tenant, workspace: workspace, after: try page.after(ImportStore.Place.self), limit: page.limit + 1, in: importer.database)
        return try Response.json(Page(runs, limit: page.limit) { ImportStore.Place(startedAt: $0.startedAt, id: $0.id) })
    }

    private func find(_ context: AppContext) async throws -> LeadImport {
        let identity = try context.requireIdentity()
        let run = try await ImportStore.find(try context.identifier("id", as: ImportID.self), of: identity.tenant, in: importer.database)
        guard let run, identity.mayUse(run.workspace) else { throw Problem.notFound("import") }
        return run
    }

    private func audit(_ action: String, of run: LeadImport, _ context: AppContext) -> AuditRecord {
        context.audit(action, targets: [.init(type: "import", id: run.id.description, name: run.fileName)])
    }
}

extension ImportRoutes {
    private func workspace(of request: Request) throws(Problem) -> WorkspaceID {
        guard let workspace = try identifier(WorkspaceID.self, "workspace", of: request) else {
            throw Problem.invalid("workspace must name a workspace.", field: "workspace")
        }
        return workspace
    }

    /// Nil when the parameter is not there; a 400 when it is no identifier.
    private func identifier<Kind>(_ type: EntityID<Kind>.Type, _ name: String, of request: Request) throws(Problem) -> EntityID<Kind>? {
        guard let text = request.uri.queryParameters[name[...]] else { return nil }
        guard let identifier = EntityID<Kind>(text) else { throw Problem.invalid("\(name) must be a UUID.", field: name) }
        return identifier
    }

    /// Whether the body is said to be divided by tabs; a 415 unless it is CSV or TSV.
    private func isTabbed(_ request: Request) throws(Problem) -> Bool {
        let type = request.headers[.contentType]?.lowercased() ?? ""
        if type.hasPrefix("text/tab-separated-values") { return true }
        guard type.hasPrefix("text/csv") else {
            throw Problem(
                .unsupportedMediaType, kind: "unsupported_media_type", title: "This route takes CSV or TSV.",
                detail: "Send Content-Type: text/csv or text/tab-separated-values.")
        }
        return false
    }

    private func tags(of request: Request) throws(Problem) -> [String] {
        guard let text = request.uri.queryParameters["tags"] else { return [] }
        do throws(LeadTags.Fault) {
            return try LeadTags.normalized(String(text))
        } catch {
            throw Problem.invalid(
                "tags takes at most \(LeadTags.most) of \(LeadTags.longest) characters, divided by commas.", field: "tags")
        }
    }

    /// Nil when the parameter is not there: it is found out.
    private func encoding(of request: Request) throws(Problem) -> FileEncoding? {
        guard let text = request.uri.queryParameters["encoding"] else { return nil }
        guard let encoding = FileEncoding(rawValue: text.lowercased()) else {
            throw Problem.invalid("encoding must be utf-8, utf-16le, utf-16be or windows-1252.", field: "encoding")
        }
        return encoding
    }

    /// At most what the gateway's limit of an address lets through, whatever its letters.
    private func mapping(of request: Request) throws(Problem) -> String? {
        guard let text = request.uri.queryParameters["mapping"], !text.isEmpty else { return nil }
        guard text.utf8.count <= 8_192 else { throw Problem.invalid("mapping takes at most 8,192 bytes.", field: "mapping") }
        return String(text)
    }
}
