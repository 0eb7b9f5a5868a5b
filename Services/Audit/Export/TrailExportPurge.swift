import Contracts
import Postgres

/// Forgets a company's files of its trail, with their links.
enum TrailExportPurge {
    /// Parts are up to a few megabytes each.
    private static let batch = 50

    /// A batch; true when nothing is left.
    static func purge(_ tenant: TenantID, in database: Database) async throws -> Bool {
        try await database.transaction { transaction -> Bool in
            // Whoever writes one has it locked: it is over before its parts are counted.
            try await transaction.query(
                """
                update trail_exports set status = 'cancelled', parts = 0, bytes = 0
                where tenant_id = \(tenant) and status in ('queued', 'running')
                """)
            let gone = try await transaction.purge(
                [
                    "delete from trail_export_links where tenant_id = \(tenant)",
                    """
                    delete from trail_export_parts where (tenant_id, export_id, part) in (
                        select tenant_id, export_id, part from trail_export_parts where tenant_id = \(tenant) limit \(Self.batch))
                    """,
                    """
                    delete from trail_exports x where x.tenant_id = \(tenant) and not exists (
                        select from trail_export_parts p where p.tenant_id = \(tenant) and p.export_id = x.id)
                    """,
                ], limit: Self.batch)
            return gone == 0
        }
    }
}
