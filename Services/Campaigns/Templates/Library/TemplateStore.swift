import Contracts
import Foundation
import Postgres

/// The SQL of templates and their versions.
enum TemplateStore {
    private static let columns: SQL = """
        t.id, t.workspace_id, t.name, t.version, t.revision, t.created_at, t.updated_at, v.subject, v.text_body, v.html_body
        """
    private static let joined: SQL = """
        templates t join template_versions v on v.tenant_id = t.tenant_id and v.template_id = t.id and v.version = t.version
        """

    static func insert(_ template: Template, by user: UserID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            """
            insert into templates (tenant_id, id, workspace_id, name, version, revision, created_at, updated_at)
            values (\(tenant), \(template.id), \(template.workspace), \(template.name), \(template.version), \(template.revision),
                    \(template.createdAt), \(template.updatedAt))
            """,
            version(of: template, by: user, restoredFrom: nil, tenant: tenant),
        ])
    }

    /// Makes the template's newest version.
    static func update(
        _ template: Template, by user: UserID, restoredFrom: Int?, of tenant: TenantID, in transaction: Transaction
    ) async throws {
        try await transaction.pipeline([
            """
            update templates set name = \(template.name), version = \(template.version), revision = \(template.revision),
                updated_at = \(template.updatedAt)
            where tenant_id = \(tenant) and id = \(template.id)
            """,
            version(of: template, by: user, restoredFrom: restoredFrom, tenant: tenant),
        ])
    }

    private static func version(of template: Template, by user: UserID, restoredFrom: Int?, tenant: TenantID) -> SQL {
        """
        insert into template_versions (tenant_id, template_id, version, subject, text_body, html_body, created_at, created_by, restored_from)
        values (\(tenant), \(template.id), \(template.version), \(template.subject), \(template.text ?? ""), \(template.html),
                \(template.updatedAt), \(user), \(restoredFrom))
        """
    }

    /// Hides a template; its versions stay, since campaigns refer to them.
    static func delete(_ template: TemplateID, of tenant: TenantID, at instant: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update templates set deleted_at = \(instant), updated_at = \(instant), revision = revision + 1
            where tenant_id = \(tenant) and id = \(template)
            """)
    }

    static func find(_ template: TemplateID, of tenant: TenantID, in database: Database) async throws -> Template? {
        try await database.query(
            as: tenant, "select \(columns) from \(joined) where t.tenant_id = \(tenant) and t.id = \(template) and t.deleted_at is null"
        ).first.map(Self.template)
    }

    /// Held until the transaction ends, so that of two changes at once none is lost.
    static func lock(_ template: TemplateID, of tenant: TenantID, in transaction: Transaction) async throws -> Template? {
        try await transaction.query(
            """
            select \(columns) from \(joined)
            where t.tenant_id = \(tenant) and t.id = \(template) and t.deleted_at is null for update of t
            """
        ).first.map(Self.template)
    }

    /// Those of some workspaces, or of all for nil, in the order in which they were made.
    static func list(
        of tenant: TenantID, workspaces: [WorkspaceID]?, after start: TemplateID?, limit: Int, in database: Database
    ) async throws -> [TemplateSummary] {
        let first = start ?? TemplateID.zero
        let isIncluded: SQL = if let workspaces { "t.workspace_id = any(\(workspaces))" } else { "true" }
        return try await database.query(
            as: tenant,
            """
            select t.id, t.workspace_id, t.name, t.version, t.revision, t.created_at, t.updated_at, v.subject from \(joined)
            where t.tenant_id = \(tenant) and \(isIncluded) and t.id > \(first) and t.deleted_at is null order by t.id limit \(limit)
            """
        ).map { row in
            TemplateSummary(
                id: try row.decode("id"), workspace: try row.decode("workspace_id"), name: try row.decode("name"),
                version: try row.decode("version"), revision: try row.decode("revision"), subject: try row.decode("subject"),
                createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at"))
        }
    }

    /// The newest first, without text and HTML; before `end`.
    static func versions(
        of template: TemplateID, tenant: TenantID, before end: Int?, limit: Int, in database: Database
    ) async throws -> [TemplateVersion] {
        try await database.query(
            as: tenant,
            """
            select version, subject, '' as text_body, null::text as html_body, created_at, created_by, restored_from from template_versions
            where tenant_id = \(tenant) and template_id = \(template) and version < \(end ?? Int(Int32.max)) order by version desc limit \(limit)
            """
        ).map(Self.version)
    }

    static func version(_ number: Int, of template: TemplateID, tenant: TenantID, in database: Database) async throws -> TemplateVersion? {
        try await database.query(
            as: tenant,
            """
            select version, subject, text_body, html_body, created_at, created_by, restored_from from template_versions
            where tenant_id = \(tenant) and template_id = \(template) and version = \(number)
            """
        ).first.map(Self.version)
    }

    /// Whether a step of a campaign that may still send names the template. A company has hundreds of such campaigns, not thousands.
    static func isInUse(_ template: TemplateID, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            select exists (
                select from campaigns c
                join campaign_sequences s on s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.version = c.sequence_version
                where c.tenant_id = \(tenant) and c.status in ('scheduled', 'active', 'paused')
                  and s.steps @> jsonb_build_array(jsonb_build_object(
                      'variants', jsonb_build_array(jsonb_build_object('template', \(template.description)::text))))) as used
            """)[0].decode("used")
    }

    private static func template(_ row: Row) throws -> Template {
        Template(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), name: try row.decode("name"), version: try row.decode("version"),
            revision: try row.decode("revision"), subject: try row.decode("subject"), text: try text(row),
            html: try row.decodeOptional("html_body"), createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at"))
    }

    private static func version(_ row: Row) throws -> TemplateVersion {
        TemplateVersion(
            version: try row.decode("version"), subject: try row.decode("subject"), text: try text(row),
            html: try row.decodeOptional("html_body"), createdAt: try row.decode("created_at"), createdBy: try row.decodeOptional("created_by"),
            restoredFrom: try row.decodeOptional("restored_from"))
    }

    /// Stored as an empty text when it is derived from the HTML.
    private static func text(_ row: Row) throws -> String? {
        let text: String = try row.decode("text_body")
        return text.isEmpty ? nil : text
    }
}
