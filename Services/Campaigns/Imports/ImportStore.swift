import Contracts
import Foundation
import Postgres
import Primitives

/// A run of an import, as its owner sees it; the parts sum to the rows.
struct LeadImport: Codable, Sendable, Equatable {
    let id: ImportID
    let workspace: WorkspaceID
    let fileName: String
    var status: String
    var rows: Int64 = 0
    var created: Int64 = 0
    var updated: Int64 = 0
    var duplicates: Int64 = 0
    var rejected: Int64 = 0
    var failure: String?
    let startedAt: Date
    var finishedAt: Date?
}

/// Why one row was left out.
struct ImportRowError: Codable, Sendable, Equatable {
    let line: Int64
    let reason: String
    let field: String?
    let value: String?
}

/// The SQL of imports.
enum ImportStore {
    /// What happens to a row whose address is known.
    enum Duplicates: String, Sendable {
        case skip
        case update
    }

    static func insert(_ run: LeadImport, of tenant: TenantID, in database: Database) async throws {
        try await database.query(
            as: tenant,
            """
            insert into imports (tenant_id, id, workspace_id, file_name, status, started_at)
            values (\(tenant), \(run.id), \(run.workspace), \(run.fileName), \(run.status), \(run.startedAt))
            """)
    }

    /// Writes a batch of rows without repeats: new leads, updated ones where asked for, and the workspace's membership of all.
    static func write(
        _ rows: [LeadRow], of tenant: TenantID, workspace: WorkspaceID, duplicates: Duplicates, at instant: Date, in transaction: Transaction
    ) async throws -> (created: Int64, updated: Int64, known: Int64) {
        guard !rows.isEmpty else { return (0, 0, 0) }
        let custom = try rows.map { try PostgresJSON($0.custom) }
        let emails = rows.map(\.email)
        let created = try await transaction.query(
            """
            insert into leads (tenant_id, id, email, first_name, last_name, company, custom, created_at, updated_at)
            select \(tenant), *, \(instant)::timestamptz, \(instant)::timestamptz
            from unnest(\(rows.map { _ in UUID.v7(at: instant) }), \(emails), \(PostgresOptionals(rows.map(\.firstName))),
                        \(PostgresOptionals(rows.map(\.lastName))), \(PostgresOptionals(rows.map(\.company))), \(custom))
            on conflict (tenant_id, email) do nothing
            """
        ).affected
        let known = rows.count - created
        if known > 0, duplicates == .update {
            // Rows inserted a moment ago carry this instant as their creation: they are left alone.
            try await transaction.query(
                """
                update leads l set first_name = coalesce(n.first_name, l.first_name), last_name = coalesce(n.last_name, l.last_name),
                    company = coalesce(n.company, l.company), custom = l.custom || n.custom, updated_at = \(instant)
                from unnest(\(emails), \(PostgresOptionals(rows.map(\.firstName))), \(PostgresOptionals(rows.map(\.lastName))),
                            \(PostgresOptionals(rows.map(\.company))), \(custom)) as n (email, first_name, last_name, company, custom)
                where l.tenant_id = \(tenant) and l.email = n.email and l.created_at <> \(instant)
                """)
        }
        try await transaction.query(
            """
            insert into lead_workspaces (tenant_id, workspace_id, lead_id)
            select \(tenant), \(workspace), id from leads where tenant_id = \(tenant) and email = any(\(emails)) on conflict do nothing
            """)
        return duplicates == .update ? (Int64(created), Int64(known), 0) : (Int64(created), 0, Int64(known))
    }

    static func insertErrors(_ errors: [ImportRowError], of run: ImportID, tenant: TenantID, in transaction: Transaction) async throws {
        guard !errors.isEmpty else { return }
        try await transaction.query(
            """
            insert into import_errors (tenant_id, import_id, line, reason, field, value)
            select \(tenant), \(run), * from unnest(\(errors.map(\.line)), \(errors.map(\.reason)), \(PostgresOptionals(errors.map(\.field))),
                \(PostgresOptionals(errors.map { $0.value.map { $0.replacing("\0", with: "") } })))
            on conflict do nothing
            """)
    }

    static func save(_ run: LeadImport, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update imports set status = \(run.status), rows = \(run.rows), created = \(run.created), updated = \(run.updated),
                duplicates = \(run.duplicates), rejected = \(run.rejected), failure = \(run.failure), finished_at = \(run.finishedAt)
            where tenant_id = \(tenant) and id = \(run.id)
            """)
    }

    /// Those of the addresses that are leads already.
    static func known(_ emails: [String], of tenant: TenantID, in database: Database) async throws -> Set<String> {
        let rows = try await database.query(as: tenant, "select email from leads where tenant_id = \(tenant) and email = any(\(emails))")
        return Set(try rows.map { try $0.decode("email") })
    }

    static func countLeads(of tenant: TenantID, upTo limit: Int64, in database: Database) async throws -> Int64 {
        try await database.query(
            as: tenant, "select count(*) as n from (select from leads where tenant_id = \(tenant) limit \(limit)) l")[0].decode("n")
    }

    static func find(_ run: ImportID, of tenant: TenantID, in database: Database) async throws -> LeadImport? {
        try await database.query(
            as: tenant,
            """
            select id, workspace_id, file_name, status, rows, created, updated, duplicates, rejected, failure, started_at, finished_at
            from imports where tenant_id = \(tenant) and id = \(run)
            """
        ).first.map { row in
            LeadImport(
                id: try row.decode("id"), workspace: try row.decode("workspace_id"), fileName: try row.decode("file_name"),
                status: try row.decode("status"), rows: try row.decode("rows"), created: try row.decode("created"),
                updated: try row.decode("updated"), duplicates: try row.decode("duplicates"), rejected: try row.decode("rejected"),
                failure: try row.decodeOptional("failure"), startedAt: try row.decode("started_at"),
                finishedAt: try row.decodeOptional("finished_at"))
        }
    }

    static func errors(of run: ImportID, tenant: TenantID, after line: Int64, limit: Int, in database: Database) async throws -> [ImportRowError] {
        try await database.query(
            as: tenant,
            """
            select line, reason, field, value from import_errors where tenant_id = \(tenant) and import_id = \(run) and line > \(line)
            order by line limit \(limit)
            """
        ).map { row in
            ImportRowError(
                line: try row.decode("line"), reason: try row.decode("reason"), field: try row.decodeOptional("field"),
                value: try row.decodeOptional("value"))
        }
    }
}
