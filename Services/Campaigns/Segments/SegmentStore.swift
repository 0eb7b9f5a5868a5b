import Contracts
import Foundation
import Postgres

/// The SQL of segments.
enum SegmentStore {
    private static let columns: SQL = "s.id, s.workspace_id, s.name, s.filter, s.revision, s.created_at, s.updated_at"

    static func insert(_ segment: Segment, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into segments (tenant_id, id, workspace_id, name, filter, revision, created_at, updated_at)
            values (\(tenant), \(segment.id), \(segment.workspace), \(segment.name), \(json: try PostgresJSON(segment.filter)), \(segment.revision),
                    \(segment.createdAt), \(segment.updatedAt))
            """)
    }

    static func find(_ segment: SegmentID, of tenant: TenantID, in database: Database) async throws -> Segment? {
        try await database.query(
            as: tenant, "select \(columns) from segments s where s.tenant_id = \(tenant) and s.id = \(segment)"
        ).first.map(Self.segment)
    }

    /// Held until the transaction ends, so that of two changes at once none is lost.
    static func lock(_ segment: SegmentID, of tenant: TenantID, in transaction: Transaction) async throws -> Segment? {
        try await transaction.query(
            "select \(columns) from segments s where s.tenant_id = \(tenant) and s.id = \(segment) for update"
        ).first.map(Self.segment)
    }

    /// Those of the workspaces, nil for all of the tenant's.
    static func list(
        of tenant: TenantID, workspaces: [WorkspaceID]?, after start: SegmentID?, limit: Int, in database: Database
    ) async throws -> [Segment] {
        let first = start ?? SegmentID.zero
        return try await database.query(
            as: tenant,
            """
            select \(columns) from segments s
            where s.tenant_id = \(tenant) and s.id > \(first) and (\(workspaces)::uuid[] is null or s.workspace_id = any(\(workspaces)))
            order by s.id limit \(limit)
            """
        ).map(Self.segment)
    }

    static func update(_ segment: Segment, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update segments set name = \(segment.name), filter = \(json: try PostgresJSON(segment.filter)), revision = \(segment.revision),
                updated_at = \(segment.updatedAt)
            where tenant_id = \(tenant) and id = \(segment.id)
            """)
    }

    static func delete(_ segment: SegmentID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("delete from segments where tenant_id = \(tenant) and id = \(segment)")
    }

    /// What a segment of the workspace asks, and the company's own fields; nil when there is no such segment.
    static func filter(
        of segment: SegmentID, tenant: TenantID, workspace: WorkspaceID, in transaction: Transaction
    ) async throws -> (filter: SegmentFilter, fields: [String: CustomFieldKind])? {
        let found = try await transaction.query(
            "select filter from segments where tenant_id = \(tenant) and id = \(segment) and workspace_id = \(workspace)")
        guard let row = found.first else { return nil }
        return (try filter(row), try await fields(of: tenant, in: transaction))
    }

    /// The company's own fields by their keys.
    static func fields(of tenant: TenantID, in transaction: Transaction) async throws -> [String: CustomFieldKind] {
        let fields = try await CustomFieldStore.list(of: tenant, in: transaction)
        return Dictionary(fields.map { ($0.key, $0.kind) }) { first, _ in first }
    }

    private static func filter(_ row: Row) throws -> SegmentFilter {
        try WireJSON.decoder().decode(SegmentFilter.self, from: Data(try row.decode("filter", as: String.self).utf8))
    }

    private static func segment(_ row: Row) throws -> Segment {
        Segment(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), name: try row.decode("name"), filter: try filter(row),
            revision: try row.decode("revision"), createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at"))
    }
}
