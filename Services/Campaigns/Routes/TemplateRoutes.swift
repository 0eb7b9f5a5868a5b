import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres

/// Templates and their versions.
struct TemplateRoutes {
    let templates: Templates
    let contexts: MergeContexts
    let access: TemplateAccess
    let idempotency: IdempotencyKeys
    let workspaces: WorkspaceCheck

    struct CreateRequest: Codable {
        let workspace: WorkspaceID
        let name: String
        let subject: String
        let text: String?
        let html: String?
    }

    private struct ChangeRequest: Decodable {
        let name: String?
        let subject: String
        let text: String?
        let html: String?
    }

    private struct DuplicateRequest: Codable {
        let name: String?
    }

    /// Makes a POST without a body one thing to repeat.
    private struct NoBody: Encodable {}

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/templates") { request, context in try await create(request, context) }
        router.get("/api/v1/templates") { request, context in try await list(request, context) }
        router.get("/api/v1/templates/{id}") { _, context in
            let template = try await access.find(context, atLeast: .viewer)
            return try await answer(template, try context.requireIdentity())
        }
        router.put("/api/v1/templates/{id}") { request, context in try await change(request, context) }
        router.delete("/api/v1/templates/{id}") { request, context in
            _ = try context.require(atLeast: .member)
            let expected = try Revision.required(by: request)
            let template = try await access.find(context, atLeast: .member)
            try await templates.delete(
                template.id, expected: expected, by: try context.requireIdentity(),
                audit: { context.audit($0, targets: [$1]) })
            return Response.noContent
        }
        router.post("/api/v1/templates/{id}/duplicate") { request, context in try await duplicate(request, context) }
        router.get("/api/v1/templates/{id}/versions") { request, context in
            let template = try await access.find(context, atLeast: .viewer)
            let page = try PageRequest(request)
            let versions = try await TemplateStore.versions(
                of: template.id, tenant: try context.requireIdentity().tenant, before: try page.after(Int.self), limit: page.limit + 1,
                in: access.database)
            return try Response.json(Page(versions, limit: page.limit) { $0.version })
        }
        router.get("/api/v1/templates/{id}/versions/{version}") { _, context in
            let template = try await access.find(context, atLeast: .viewer)
            return try Response.json(try await version(context, of: template))
        }
        router.post("/api/v1/templates/{id}/versions/{version}/restore") { request, context in try await restore(request, context) }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(CreateRequest.self, limit: TemplateAccess.bodyLimit)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let name = try checkedName(input.name, atMost: 200)
        let content = try TemplateContent(subject: input.subject, text: input.text, html: input.html).checked()
        return try await idempotency.once(request, as: identity, body: input) {
            try await workspaces.require(input.workspace, of: identity.tenant)
            let template = try await templates.create(
                content, name: name, workspace: input.workspace, by: identity, audit: { context.audit($0, targets: [$1]) })
            return try await answer(template, identity, isNew: true)
        }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireIdentity()
        let page = try PageRequest(request)
        let list = try await TemplateStore.list(
            of: identity.tenant, workspaces: try context.workspaces(askedBy: request), after: try page.after(TemplateID.self),
            limit: page.limit + 1, in: access.database)
        return try Response.json(Page(list, limit: page.limit) { $0.id })
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let expected = try Revision.required(by: request)
        let template = try await access.find(context, atLeast: .member)
        let input = try await request.json(ChangeRequest.self, limit: TemplateAccess.bodyLimit)
        var name: String?
        if let given = input.name { name = try checkedName(given, atMost: 200) }
        let content = try TemplateContent(subject: input.subject, text: input.text, html: input.html).checked()
        let changed = try await templates.change(
            template.id, content, name: name, expected: expected, by: identity, audit: { context.audit($0, targets: [$1]) })
        return try await answer(changed, identity)
    }

    private func duplicate(_ request: Request, _ context: AppContext) async throws -> Response {
        let template = try await access.find(context, atLeast: .member)
        let identity = try context.requireIdentity()
        let input = try await request.json(DuplicateRequest.self)
        let name = try checkedName(input.name ?? "\(template.name.prefix(190)) (copy)", atMost: 200)
        return try await idempotency.once(request, as: identity, body: input) {
            try await workspaces.require(template.workspace, of: identity.tenant)
            let copy = try await templates.create(
                template.content, name: name, workspace: template.workspace, action: "template.duplicate", by: identity,
                audit: { context.audit($0, targets: [$1, Templates.target(template)]) })
            return try await answer(copy, identity, isNew: true)
        }
    }

    private func restore(_ request: Request, _ context: AppContext) async throws -> Response {
        let template = try await access.find(context, atLeast: .member)
        let identity = try context.requireIdentity()
        let version = try await version(context, of: template)
        // A version that was saved under older rules comes back only if it can still be sent.
        _ = try version.content.parsed()
        return try await idempotency.once(request, as: identity, body: NoBody()) {
            let restored = try await templates.restore(
                version, of: template.id, by: identity, audit: { context.audit($0, targets: [$1]) })
            return try await answer(restored, identity)
        }
    }

    private func version(_ context: AppContext, of template: Template) async throws -> TemplateVersion {
        guard let number = context.parameters.get("version").flatMap({ Int32($0) }) else { throw Problem.notFound("version") }
        return try await access.version(Int(number), of: template, tenant: try context.requireIdentity().tenant)
    }

    private func answer(_ template: Template, _ identity: Identity, isNew: Bool = false) async throws -> Response {
        let customFields = try await contexts.customFields(of: identity.tenant)
        return try Response.json(
            TemplateAnswer(template, customFields: customFields), status: isNew ? .created : .ok, headers: Revision(template.revision).header)
    }
}
