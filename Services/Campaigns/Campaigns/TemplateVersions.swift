import Contracts
import Foundation
import Postgres

/// Reads templates in the versions that campaigns were made with; a version never changes and outlives its template's deletion.
struct TemplateVersions: Sendable {
    let database: Database

    /// Those that there are and can be read, of one tenant.
    func read(_ contents: Set<HandOver.Content>, of tenant: TenantID) async throws -> [HandOver.Content: MailTemplate] {
        let wanted = contents.sorted { ($0.template.description, $0.version) < ($1.template.description, $1.version) }
        let rows = try await database.query(
            as: tenant,
            """
            select v.template_id, v.version, v.subject, v.text_body, v.html_body from template_versions v
            join unnest(\(wanted.map(\.template)), \(wanted.map(\.version))) as n (template_id, version)
                on v.template_id = n.template_id and v.version = n.version
            where v.tenant_id = \(tenant)
            """)
        var known: [HandOver.Content: MailTemplate] = [:]
        for row in rows {
            let content = HandOver.Content(template: try row.decode("template_id"), version: try row.decode("version"))
            let parts = (
                subject: try row.decode("subject", as: String.self), text: try row.decodeOptional("text_body", as: String.self),
                html: try row.decodeOptional("html_body", as: String.self)
            )
            // A version of before, which today's rules refuse, is as good as none: launching says so, and nobody is mailed with it.
            do throws(MailText.SyntaxError) {
                known[content] = try MailTemplate(subject: parts.subject, text: parts.text, html: parts.html)
            } catch {
                continue
            }
        }
        return known
    }
}
