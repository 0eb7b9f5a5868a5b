import Contracts
import Foundation
import Postgres

/// The SQL of exports as people see them.
enum LeadExportStore {
    private static let columns: SQL = """
        e.id, e.workspace_id, e.format, e.filter, e.status, e.rows, e.bytes, e.parts, e.failure, e.created_by,
        e.created_at, e.finished_at, e.expires_at
        """

    static func insert(_ export: LeadExport, fields: [String], of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into lead_exports (tenant_id, id, workspace_id, format, filter, fields, status, created_by, created_at, worked_at, expires_at)
            values (\(tenant), \(export.id), \(export.workspace), \(export.format), \(try PostgresJSON(export.filter)), \(fields), \(export.status),
                \(export.createdBy), \(export.createdAt), \(export.createdAt), \(export.expiresAt))
            """)
    }

    /// One beginner at a time for a company, so that what was counted still holds at the insert.
    static func lockAll(of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('lead_exports:' || \(tenant.description), 0))")
    }

    /// How many of a company's exports are not over.
    static func countOpen(of tenant: TenantID, in transaction: Transaction) async throws -> Int {
        try await transaction.query(
            "select count(*) as n from lead_exports where tenant_id = \(tenant) and status in ('queued', 'running')")[0].decode("n")
    }

    static func find(_ export: LeadExportID, of tenant: TenantID, in database: Database) async throws -> LeadExport? {
        try await database.query(
            as: tenant, "select \(columns) from lead_exports e where e.tenant_id = \(tenant) and e.id = \(export)"
        ).first.map(Self.export)
    }

    /// The newest first, those before `cursor`; nil of `workspaces` is all.
    static func list(
        of tenant: TenantID, workspaces: [WorkspaceID]?, before cursor: LeadExportID?, limit: Int, in database: Database
    ) async throws -> [LeadExport] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from lead_exports e
            where e.tenant_id = \(tenant) and (\(workspaces)::uuid[] is null or e.workspace_id = any(\(workspaces)))
              and (\(cursor)::uuid is null or e.id < \(cursor))
            order by e.id desc limit \(limit)
            """
        ).map(Self.export)
    }

    /// Ends an export that is not over, and removes what was written of any.
    static func cancel(_ export: LeadExportID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            """
            update lead_exports set status = 'cancelled', bytes = 0, parts = 0, finished_at = coalesce(finished_at, \(now))
            where tenant_id = \(tenant) and id = \(export)
            """,
            "delete from lead_export_parts where tenant_id = \(tenant) and export_id = \(export)",
        ])
    }

    /// Nil when there is no such part, or none any more.
    static func part(_ part: Int, of export: LeadExportID, tenant: TenantID, in database: Database) async throws -> Data? {
        try await database.query(
            as: tenant, "select content from lead_export_parts where tenant_id = \(tenant) and export_id = \(export) and part = \(part)"
        ).first?.decode("content")
    }

    private static func export(_ row: Row) throws -> LeadExport {
        let filter: String = try row.decode("filter")
        return LeadExport(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), format: try row.decode("format"),
            filter: try WireJSON.decoder().decode(LeadFilter.self, from: Data(filter.utf8)), status: try row.decode("status"),
            rows: try row.decode("rows"), bytes: try row.decode("bytes"), parts: try row.decode("parts"), failure: try row.decodeOptional("failure"),
            createdBy: try row.decode("created_by"), createdAt: try row.decode("created_at"), finishedAt: try row.decodeOptional("finished_at"),
            expiresAt: try row.decode("expires_at"))
    }
}
