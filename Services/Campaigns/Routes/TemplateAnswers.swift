import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres

/// A template as people see it, with what may be wrong with it.
struct TemplateAnswer: Encodable {
    let id: TemplateID
    let workspace: WorkspaceID
    let name: String
    let version: Int
    let revision: Int64
    let subject: String
    let text: String?
    let html: String?
    let variables: [String]
    let unknownVariables: [String]
    let warnings: [TemplateWarning]
    let createdAt: Date
    let updatedAt: Date

    init(_ template: Template, customFields: Set<String>) {
        id = template.id
        workspace = template.workspace
        name = template.name
        version = template.version
        revision = template.revision
        subject = template.subject
        text = template.text
        html = template.html
        createdAt = template.createdAt
        updatedAt = template.updatedAt
        let check = TemplateCheck(template.content, customFields: customFields)
        variables = check.variables
        unknownVariables = check.unknownVariables
        warnings = check.warnings
    }
}

/// What there is to say about a template; of one that was saved under older rules and cannot be read any more, just that.
struct TemplateCheck: Encodable {
    let variables: [String]
    let unknownVariables: [String]
    let warnings: [TemplateWarning]

    init(_ content: TemplateContent, customFields: Set<String>) {
        do throws(MailText.SyntaxError) {
            let parsed = try MailTemplate(subject: content.subject, text: content.text, html: content.html)
            variables = parsed.variables
            unknownVariables = parsed.unknownVariables(customFields: customFields)
            warnings = parsed.warnings(customFields: customFields)
        } catch {
            variables = []
            unknownVariables = []
            warnings = [TemplateWarning(code: "template_invalid", detail: error.message, part: error.part, position: error.position)]
        }
    }
}

extension TemplateContent {
    /// Ready to render, or the problem 422 with the place of what cannot be read.
    func parsed() throws(Problem) -> MailTemplate {
        do throws(MailText.SyntaxError) {
            return try MailTemplate(subject: subject, text: text, html: html)
        } catch {
            throw Problem.unprocessable(
                kind: "template_invalid", title: "The template cannot be read.", detail: error.message,
                extensions: ["position": .number(error.position), "part": .text(error.part.rawValue)])
        }
    }

    /// What a request may say, with blank parts as missing ones, or a problem.
    func checked() throws(Problem) -> TemplateContent {
        guard subject.count <= 500 else { throw Problem.invalid("subject must have at most 500 characters.", field: "subject") }
        let content = TemplateContent(subject: subject, text: Self.filled(text), html: Self.filled(html))
        _ = try content.parsed()
        return content
    }

    private static func filled(_ part: String?) -> String? {
        guard let part, part.utf8.contains(where: { !TemplateByte.isSpace($0) }) else { return nil }
        return part
    }
}

/// Finds the template that a request names.
struct TemplateAccess: Sendable {
    /// Text and HTML, and room for the escapes of JSON.
    static let bodyLimit = 2 << 20

    let database: Database

    /// One that the caller may see in this role, or a problem.
    func find(_ context: AppContext, atLeast role: Role) async throws -> Template {
        let identity = try context.require(atLeast: role)
        let template = try await TemplateStore.find(try context.identifier("id", as: TemplateID.self), of: identity.tenant, in: database)
        guard let template, identity.mayUse(template.workspace) else { throw Problem.notFound("template") }
        return template
    }

    /// The version that a number names; nil is the newest.
    func version(_ number: Int?, of template: Template, tenant: TenantID) async throws -> TemplateVersion {
        let found = try await TemplateStore.version(number ?? template.version, of: template.id, tenant: tenant, in: database)
        guard let found else { throw Problem.notFound("version") }
        return found
    }
}
