import Contracts
import Foundation
import Postgres

/// The SQL of exports as people see them.
enum TrailExportStore {
    private static let columns: SQL = """
        x.id, x.format, x.filter, x.status, x.through, x.scanned, x.rows, x.bytes, x.parts, x.failure, x.created_by, x.created_at,
        x.finished_at, x.expires_at
        """

    /// `kept` is what the plan shows, `tree` what is signed now.
    static func insert(
        _ export: TrailExport, kept: RetentionWindow, tree: TrailSelection.Tree, of tenant: TenantID, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            insert into trail_exports (tenant_id, id, format, filter, class, holds, status, through, root, created_by, created_at, worked_at,
                                       expires_at)
            values (\(tenant), \(export.id), \(export.format), \(try PostgresJSON(export.filter)), \(kept.plan),
                \(try PostgresJSON(kept.holds)), \(export.status), \(tree.size), \(tree.root), \(export.createdBy), \(export.createdAt), \(export.createdAt), \(export.expiresAt))
            """)
    }

    /// What was sent, for whoever wants its manifest later.
    static func insertSent(_ manifest: ExportManifest, note: String, by actor: String, at now: Date, in worker: Database) async throws {
        try await worker.query(
            """
            insert into trail_exports (tenant_id, id, format, filter, class, status, through, scanned, rows, first_seq, last_seq, root, manifest,
                                       created_by, created_at, worked_at, finished_at, expires_at)
            values (\(manifest.tenant), \(manifest.export), \(manifest.format), \(try PostgresJSON(manifest.filter)), '-',
                \(TrailExport.Status.sent), \(manifest.through), \(manifest.through), \(manifest.count), \(manifest.firstSeq), \(manifest.lastSeq),
                \(manifest.root), \(note), \(actor), \(manifest.createdAt), \(now), \(now), \(now.addingTimeInterval(TrailExports.kept)))
            """)
    }

    /// One beginner at a time for a company, so that what was counted still holds at the insert.
    static func lockAll(of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('trail_exports:' || \(tenant.description), 0))")
    }

    /// How many of a company's exports are not over.
    static func countOpen(of tenant: TenantID, in transaction: Transaction) async throws -> Int {
        try await transaction.query(
            "select count(*) as n from trail_exports where tenant_id = \(tenant) and status in ('queued', 'running')")[0].decode("n")
    }

    /// How many of a company's files are there to be fetched.
    static func countReady(of tenant: TenantID, in transaction: Transaction) async throws -> Int {
        try await transaction.query("select count(*) as n from trail_exports where tenant_id = \(tenant) and status = 'ready'")[0].decode("n")
    }

    static func find(_ export: TrailExportID, of tenant: TenantID, in database: Database) async throws -> TrailExport? {
        try await database.query(
            as: tenant, "select \(columns) from trail_exports x where x.tenant_id = \(tenant) and x.id = \(export)"
        ).first.map(Self.export)
    }

    /// The newest first, those before `cursor`.
    static func list(of tenant: TenantID, before cursor: TrailExportID?, limit: Int, in database: Database) async throws -> [TrailExport] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from trail_exports x where x.tenant_id = \(tenant) and (\(cursor)::uuid is null or x.id < \(cursor))
            order by x.id desc limit \(limit)
            """
        ).map(Self.export)
    }

    /// The signed note about a file; nil until there is one.
    static func manifest(of export: TrailExportID, tenant: TenantID, in database: Database) async throws -> String? {
        try await database.query(
            as: tenant, "select manifest from trail_exports where tenant_id = \(tenant) and id = \(export) and status in ('ready', 'sent')"
        ).first?.decodeOptional("manifest")
    }

    /// Ends an export that is not over, and removes what was written of any.
    static func cancel(_ export: TrailExportID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            """
            update trail_exports set status = 'cancelled', bytes = 0, parts = 0, manifest = null, finished_at = coalesce(finished_at, \(now))
            where tenant_id = \(tenant) and id = \(export)
            """,
            "delete from trail_export_links where tenant_id = \(tenant) and export_id = \(export)",
            "delete from trail_export_parts where tenant_id = \(tenant) and export_id = \(export)",
        ])
    }

    /// Nil when there is no such part, or none any more.
    static func part(_ part: Int, of export: TrailExportID, tenant: TenantID, in database: Database) async throws -> Data? {
        try await database.query(
            as: tenant, "select content from trail_export_parts where tenant_id = \(tenant) and export_id = \(export) and part = \(part)"
        ).first?.decode("content")
    }

    private static func export(_ row: Row) throws -> TrailExport {
        let filter: String = try row.decode("filter")
        return TrailExport(
            id: try row.decode("id"), format: try row.decode("format"),
            filter: try WireJSON.decoder().decode(TrailExportFilter.self, from: Data(filter.utf8)), status: try row.decode("status"),
            progress: TrailExport.Progress(done: try row.decode("scanned"), of: try row.decode("through")), rows: try row.decode("rows"),
            bytes: try row.decode("bytes"), parts: try row.decode("parts"), failure: try row.decodeOptional("failure"),
            createdBy: try row.decode("created_by"), createdAt: try row.decode("created_at"), finishedAt: try row.decodeOptional("finished_at"),
            expiresAt: try row.decode("expires_at"))
    }
}
