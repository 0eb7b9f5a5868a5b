import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Mail
import Postgres

/// How a template looks to a lead: checked, shown, or sent to its author.
struct TemplateMailRoutes {
    let tests: TestMails
    let contexts: MergeContexts
    let access: TemplateAccess
    let idempotency: IdempotencyKeys

    private struct PreviewRequest: Decodable {
        let lead: LeadID?
        let mailbox: MailboxID?
        /// Stands for the send key: another key draws other choices.
        let key: String?
        let version: Int?
    }

    private struct DraftRequest: Decodable {
        let workspace: WorkspaceID
        let subject: String
        let text: String?
        let html: String?
        let lead: LeadID?
        let mailbox: MailboxID?
        let key: String?
    }

    private struct TestRequest: Codable {
        let mailbox: MailboxID
        let to: Recipients?
        let lead: LeadID?
        let version: Int?
    }

    /// One address or several.
    struct Recipients: Codable, Sendable, Equatable {
        let addresses: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let address = try? container.decode(String.self) {
                addresses = [address]
            } else {
                addresses = try container.decode([String].self)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(addresses)
        }
    }

    private struct PreviewAnswer: Encodable {
        let subject: String
        let text: String
        let html: String?
        /// Nil: a made-up lead.
        let lead: LeadID?
        let isTextDerived: Bool
        let warnings: [TemplateWarning]
    }

    private struct TestAnswer: Encodable {
        let sendKeys: [String]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/templates/{id}/check") { _, context in
            let template = try await access.find(context, atLeast: .viewer)
            let customFields = try await contexts.customFields(of: try context.requireIdentity().tenant)
            return try Response.json(TemplateCheck(template.content, customFields: customFields))
        }
        router.post("/api/v1/templates/preview") { request, context in
            let input = try await request.json(DraftRequest.self, limit: TemplateAccess.bodyLimit)
            let identity = try context.require(atLeast: .viewer, in: input.workspace)
            let content = try TemplateContent(subject: input.subject, text: input.text, html: input.html).checked()
            return try await preview(
                content, in: input.workspace, lead: input.lead, mailbox: input.mailbox, key: input.key, for: identity)
        }
        router.post("/api/v1/templates/{id}/preview") { request, context in
            let template = try await access.find(context, atLeast: .viewer)
            let input = try await request.json(PreviewRequest.self)
            let identity = try context.requireIdentity()
            let version = try await access.version(input.version, of: template, tenant: identity.tenant)
            return try await preview(
                version.content, in: template.workspace, lead: input.lead, mailbox: input.mailbox, key: input.key, for: identity)
        }
        router.post("/api/v1/templates/{id}/test") { request, context in try await test(request, context) }
    }

    private func preview(
        _ content: TemplateContent, in workspace: WorkspaceID, lead: LeadID?, mailbox: MailboxID?, key: String?, for identity: Identity
    ) async throws -> Response {
        let parsed = try content.parsed()
        let sender: DeliveryRPC.Mailbox? =
            if let mailbox { try await contexts.mailbox(mailbox, in: workspace, of: identity.tenant) } else { nil }
        let customFields = try await contexts.customFields(of: identity.tenant)
        let values = try await contexts.values(
            lead: lead, mailbox: sender, workspace: workspace, customFields: customFields, for: identity)
        let mail = parsed.render(values, choosing: String((key ?? "preview").prefix(200)))
        return try Response.json(
            PreviewAnswer(
                subject: mail.subject, text: mail.text, html: mail.html, lead: lead, isTextDerived: parsed.isTextDerived,
                warnings: parsed.warnings(customFields: customFields)))
    }

    private func test(_ request: Request, _ context: AppContext) async throws -> Response {
        let template = try await access.find(context, atLeast: .member)
        let identity = try context.requireIdentity()
        guard identity.isVerified else { throw Problem.forbidden("Confirm your address first.") }
        let input = try await request.json(TestRequest.self)
        let recipients = try Self.checked(input.to)
        let version = try await access.version(input.version, of: template, tenant: identity.tenant)
        let order = TestMails.Order(
            template: template, content: version.content, version: version.version, mailbox: input.mailbox, recipients: recipients,
            lead: input.lead, key: request.headers[.idempotencyKey])
        return try await idempotency.once(request, as: identity, body: input) {
            let keys = try await tests.send(order, by: identity, audit: { context.audit($0, targets: [$1]) })
            return try Response.json(TestAnswer(sendKeys: keys), status: .accepted)
        }
    }

    /// Every address once, in the form to compare by.
    private static func checked(_ recipients: Recipients?) throws(Problem) -> [String] {
        var addresses: [String] = []
        for text in recipients?.addresses ?? [] {
            do throws(MailAddressError) {
                let address = try MailAddress(text).normalized
                if !addresses.contains(address) { addresses.append(address) }
            } catch {
                throw Problem.invalid("to must hold e-mail addresses.", field: "to")
            }
            guard addresses.count <= TestMails.recipients.upperBound else { break }
        }
        guard TestMails.recipients.contains(addresses.count) else {
            throw Problem.invalid("to must name 1 to \(TestMails.recipients.upperBound) addresses.", field: "to")
        }
        return addresses
    }
}
