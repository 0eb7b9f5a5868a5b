import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives

/// The trail as files, for a company's owners and admins.
struct ExportRoutes {
    let exports: TrailExports
    let idempotency: IdempotencyKeys

    struct CreateRequest: Codable {
        let format: TrailExportFormat
        let filter: TrailExportFilter?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/audit/export") { request, context in
            let identity = try Self.reader(context)
            guard let format = TrailExportFormat(rawValue: request.uri.queryParameters["format"].map { String($0) } ?? "csv") else {
                throw Problem.invalid("format must be csv or ndjson.", field: "format")
            }
            return try await exports.stream(
                TrailExportFilter(try TrailSearch(request)), as: format, by: identity, audit: context.audit("audit.export", targets: []))
        }
        router.post("/api/v1/audit/exports") { request, context in try await create(request, context) }
        router.get("/api/v1/audit/exports") { request, context in
            let identity = try Self.reader(context)
            let page = try PageRequest(request)
            let found = try await TrailExportStore.list(
                of: identity.tenant, before: try page.after(TrailExportID.self), limit: page.limit + 1, in: exports.api)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.get("/api/v1/audit/exports/{id}") { _, context in
            try Response.json(try await find(context, of: try Self.reader(context)))
        }
        router.delete("/api/v1/audit/exports/{id}") { _, context in
            let identity = try Self.reader(context)
            let export = try await find(context, of: identity)
            if export.status != .cancelled, export.status != .expired { try await exports.cancel(export, of: identity.tenant) }
            return Response.noContent
        }
        router.get("/api/v1/audit/exports/{id}/manifest") { _, context in
            let identity = try Self.reader(context)
            let export = try await find(context, of: identity)
            guard let note = try await TrailExportStore.manifest(of: export.id, tenant: identity.tenant, in: exports.api) else {
                throw Problem.conflict(kind: "export_not_ready", title: "There is no file: the export is \(export.status.rawValue).")
            }
            return Response(
                status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: note)))
        }
        router.post("/api/v1/audit/exports/{id}/link") { _, context in
            let identity = try Self.reader(context)
            return try Response.json(
                try await exports.link(to: try await find(context, of: identity), of: identity.tenant), status: .created)
        }
        // The link is the permission: whoever has it need not be signed in.
        router.get("/api/v1/audit/downloads/{token}") { request, context in
            // A look at the head would use the link up.
            guard request.method == .get, let token = context.parameters.get("token") else { throw Problem.notFound("file") }
            return try await exports.file(token)
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try Self.reader(context)
        let input = try await request.json(CreateRequest.self)
        let filter = input.filter ?? TrailExportFilter()
        _ = try filter.search().window(now: exports.clock.now)
        return try await idempotency.once(request, as: identity, body: input) {
            let export = try await exports.begin(filter, as: input.format, by: identity, audit: context.audit("audit.export", targets: []))
            return try Response.json(export, status: .accepted)
        }
    }

    private func find(_ context: AppContext, of identity: Identity) async throws -> TrailExport {
        let id = try context.identifier("id", as: TrailExportID.self, called: "export")
        guard let export = try await TrailExportStore.find(id, of: identity.tenant, in: exports.api) else { throw Problem.notFound("export") }
        return export
    }

    /// Support reads the trail, and takes none of it away.
    private static func reader(_ context: AppContext) throws(Problem) -> Identity {
        let identity = try context.require(atLeast: .admin)
        guard identity.support == nil else { throw Problem.forbidden("Support may read the trail, not export it.") }
        return identity
    }
}
