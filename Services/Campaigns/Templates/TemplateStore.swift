import Contracts
import Foundation
import Postgres

/// A template in its newest version.
struct Template: Codable, Sendable, Equatable {
    let id: TemplateID
    let workspace: WorkspaceID
    let name: String
    let version: Int
    let subject: String
    let text: String
    let html: String?
    let createdAt: Date
}

/// The SQL of templates.
enum TemplateStore {
    private static let columns: SQL =
        "t.id, t.workspace_id, t.name, t.version, t.created_at, v.subject, v.text_body, v.html_body"

    static func insert(_ template: Template, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            """
            insert into templates (tenant_id, id, workspace_id, name, version, created_at)
            values (\(tenant), \(template.id), \(template.workspace), \(template.name), \(template.version), \(template.createdAt))
            """,
            """
            insert into template_versions (tenant_id, template_id, version, subject, text_body, html_body)
            values (\(tenant), \(template.id), \(template.version), \(template.subject), \(template.text), \(template.html))
            """,
        ])
    }

    static func find(_ template: TemplateID, of tenant: TenantID, in database: Database) async throws -> Template? {
        try await database.query(
            as: tenant,
            """
            select \(columns) from templates t
            join template_versions v on v.tenant_id = t.tenant_id and v.template_id = t.id and v.version = t.version
            where t.tenant_id = \(tenant) and t.id = \(template)
            """
        ).first.map(Self.template)
    }

    static func list(of tenant: TenantID, after start: TemplateID?, limit: Int, in database: Database) async throws -> [Template] {
        let first = start ?? TemplateID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        return try await database.query(
            as: tenant,
            """
            select \(columns) from templates t
            join template_versions v on v.tenant_id = t.tenant_id and v.template_id = t.id and v.version = t.version
            where t.tenant_id = \(tenant) and t.id > \(first) order by t.id limit \(limit)
            """
        ).map(Self.template)
    }

    private static func template(_ row: Row) throws -> Template {
        Template(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), name: try row.decode("name"), version: try row.decode("version"),
            subject: try row.decode("subject"), text: try row.decode("text_body"), html: try row.decodeOptional("html_body"),
            createdAt: try row.decode("created_at"))
    }
}
