import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import Streams

/// Templates and how they look for a real lead.
struct TemplateRoutes {
    let database: Database
    let outbox: Outbox
    let clock: WallClock
    let idempotency: IdempotencyKeys
    let workspaces: WorkspaceCheck

    struct CreateRequest: Codable {
        let workspace: WorkspaceID
        let name: String
        let subject: String
        let text: String
        let html: String?
    }

    private struct PreviewRequest: Decodable {
        let lead: LeadID
    }

    private struct TemplateAnswer: Encodable {
        let id: TemplateID
        let workspace: WorkspaceID
        let name: String
        let version: Int
        let subject: String
        let text: String
        let html: String?
        let variables: [String]
        let unknownVariables: [String]
        let createdAt: Date

        init(_ template: Template, _ parsed: MailTemplate) {
            id = template.id
            workspace = template.workspace
            name = template.name
            version = template.version
            subject = template.subject
            text = template.text
            html = template.html
            variables = parsed.variables
            unknownVariables = parsed.unknownVariables
            createdAt = template.createdAt
        }
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/templates") { request, context in try await create(request, context) }
        router.get("/api/v1/templates") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let list = try await TemplateStore.list(
                of: identity.tenant, after: try page.after(TemplateID.self), limit: page.limit + 1, in: database)
            return try Response.json(Page(list.filter { identity.mayUse($0.workspace) }, limit: page.limit) { $0.id })
        }
        router.get("/api/v1/templates/{id}") { _, context in
            let template = try await find(context)
            return try Response.json(TemplateAnswer(template, try parse(template.subject, template.text, template.html)))
        }
        router.post("/api/v1/templates/{id}/preview") { request, context in
            let template = try await find(context)
            let input = try await request.json(PreviewRequest.self)
            guard let lead = try await LeadStore.find(input.lead, of: try context.requireIdentity().tenant, in: database) else {
                throw Problem.notFound("lead")
            }
            return try Response.json(try parse(template.subject, template.text, template.html).render(for: lead, postalAddress: nil))
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(CreateRequest.self, limit: 1 << 20)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        guard (1...200).contains(input.name.count) else { throw Problem.invalid("name must have 1 to 200 characters.", field: "name") }
        guard (1...500).contains(input.subject.count) else { throw Problem.invalid("subject must have 1 to 500 characters.", field: "subject") }
        guard !input.text.isEmpty else { throw Problem.invalid("text must not be empty.", field: "text") }
        let parsed = try parse(input.subject, input.text, input.html)
        return try await idempotency.once(request, as: identity, body: input) {
            try await workspaces.require(input.workspace, of: identity.tenant)
            let now = clock.now
            let template = Template(
                id: TemplateID(.v7(at: now)), workspace: input.workspace, name: input.name, version: 1, subject: input.subject,
                text: input.text, html: input.html, createdAt: now)
            let event = try PendingEvent(
                CampaignsEvents.TemplateCreated(template: template.id), at: now, tenant: identity.tenant, workspace: input.workspace,
                actor: context.actor,
                audit: context.audit("template.create", targets: [.init(type: "template", id: template.id.description, name: template.name)]))
            try await database.transaction(as: identity.tenant) { transaction in
                try await TemplateStore.insert(template, of: identity.tenant, in: transaction)
                try await outbox.append([event], in: transaction)
            }
            outbox.wake()
            return try Response.json(TemplateAnswer(template, parsed), status: .created)
        }
    }

    private func find(_ context: AppContext) async throws -> Template {
        let identity = try context.requireIdentity()
        let template = try await TemplateStore.find(try context.identifier("id", as: TemplateID.self), of: identity.tenant, in: database)
        guard let template, identity.mayUse(template.workspace) else { throw Problem.notFound("template") }
        return template
    }

    private func parse(_ subject: String, _ text: String, _ html: String?) throws(Problem) -> MailTemplate {
        do throws(MailText.SyntaxError) {
            return try MailTemplate(subject: subject, text: text, html: html)
        } catch {
            throw Problem.unprocessable(
                kind: "template_invalid", title: "The template cannot be read.", detail: error.message,
                extensions: ["position": .number(error.position)])
        }
    }
}
