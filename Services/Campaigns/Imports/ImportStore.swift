import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of imports' own rows.
enum ImportStore {
    /// Where a page of the history ends.
    struct Place: Codable, Sendable {
        let startedAt: Date
        let id: ImportID
    }

    /// False when the tenant has an import of this identifier.
    static func insert(_ run: LeadImport, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            insert into imports (tenant_id, id, workspace_id, file_name, status, on_duplicate, list_id, tags, encoding, delimiter, has_header, header,
                is_reversible, started_at, updated_at, rejections)
            values (\(tenant), \(run.id), \(run.workspace), \(run.fileName), \(run.status), \(run.onDuplicate), \(run.list), \(run.tags),
                \(run.encoding?.rawValue), \(run.delimiter), \(run.hasHeader), \(run.header ?? []), true, \(run.startedAt), \(run.updatedAt),
                \(run.rejections))
            on conflict (tenant_id, id) do nothing
            """
        ).affected == 1
    }

    /// The run as it is now, as one statement of the transaction that made it so; touches no row when it is not running any more.
    static func save(_ run: LeadImport, of tenant: TenantID) -> SQL {
        """
        update imports set status = \(run.status), rows = \(run.rows), created = \(run.created), updated = \(run.updated),
            duplicates = \(run.duplicates), rejected = \(run.rejected), rejections = \(run.rejections), failure = \(run.failure), updated_at = \(run.updatedAt),
            finished_at = \(run.finishedAt)
        where tenant_id = \(tenant) and id = \(run.id) and status = 'running'
        """
    }

    /// A sign of life between batches; false when it is not running any more.
    static func touch(_ run: ImportID, of tenant: TenantID, at instant: Date, in database: Database) async throws -> Bool {
        try await database.query(
            as: tenant, "update imports set updated_at = \(instant) where tenant_id = \(tenant) and id = \(run) and status = 'running'"
        ).affected == 1
    }

    /// Changes the status from one of these; nil when it is another by now.
    static func move(
        _ run: ImportID, of tenant: TenantID, from: [LeadImport.Status], to status: LeadImport.Status, at instant: Date, in transaction: Transaction
    ) async throws -> LeadImport? {
        let finished = status == .cancelled ? instant : nil
        return try await transaction.query(
            """
            update imports set status = \(status), updated_at = \(instant), finished_at = coalesce(\(finished), finished_at)
            where tenant_id = \(tenant) and id = \(run) and status = any(\(from.map(\.rawValue))) returning \(LeadImport.columns)
            """
        ).first.map(LeadImport.init(row:))
    }

    static func find(_ run: ImportID, of tenant: TenantID, in database: Database) async throws -> LeadImport? {
        try await database.query(as: tenant, "select \(LeadImport.columns) from imports where tenant_id = \(tenant) and id = \(run)")
            .first.map(LeadImport.init(row:))
    }

    /// A workspace's imports, newest first, after a place.
    static func list(
        of tenant: TenantID, workspace: WorkspaceID, after place: Place?, limit: Int, in database: Database
    ) async throws -> [LeadImport] {
        let start: SQL = if let place { "and (started_at, id) < (\(place.startedAt), \(place.id))" } else { "" }
        return try await database.query(
            as: tenant,
            """
            select \(LeadImport.listColumns) from imports where tenant_id = \(tenant) and workspace_id = \(workspace) \(start)
            order by started_at desc, id desc limit \(limit)
            """
        ).map(LeadImport.init(row:))
    }

    static func errors(of run: ImportID, tenant: TenantID, after line: Int64, limit: Int, in database: Database) async throws -> [ImportRowError] {
        try await rejected(of: run, tenant: tenant, after: line, limit: limit, withRaw: false, in: database).map(\.error)
    }

    static func rejected(
        of run: ImportID, tenant: TenantID, after line: Int64, limit: Int, withRaw: Bool = true, in database: Database
    ) async throws -> [RejectedRow] {
        let raw: SQL = withRaw ? "coalesce(raw, '')" : "''"
        return try await database.query(
            as: tenant,
            """
            select line, reason, field, value, \(raw) as raw from import_errors
            where tenant_id = \(tenant) and import_id = \(run) and line > \(line) order by line limit \(limit)
            """
        ).map { row in
            RejectedRow(
                error: ImportRowError(
                    line: try row.decode("line"), reason: try row.decode("reason"), field: try row.decodeOptional("field"),
                    value: try row.decodeOptional("value")),
                raw: try row.decode("raw"))
        }
    }

    /// The company's own fields.
    static func fields(of tenant: TenantID, in database: Database) async throws -> [FieldRule] {
        try await CustomFieldStore.list(of: tenant, in: database).map { field in
            FieldRule(key: field.key, name: field.name, kind: field.kind.rawValue, choices: field.choices)
        }
    }
}
