public import Contracts
import Postgres
import ServiceRuntime

extension TestHouse {
    /// How many rows each table keeps of a company, whatever the tables are called; those without any are left out, as is the outbox.
    public func rows(of tenant: TenantID) async throws -> [String: Int] {
        try await rows(where: "tenant_id", is: tenant.description)
    }

    /// As ``rows(of:)``, of a workspace.
    public func rows(of workspace: WorkspaceID) async throws -> [String: Int] {
        try await rows(where: "workspace_id", is: workspace.description)
    }

    private func rows(where column: String, is value: String) async throws -> [String: Int] {
        let owner = Database(database.configuration(role: "postgres"), connections: 1)
        let rows = try await owner.query(
            """
            select * from (
                select c.table_name::text as name, (xpath('/row/n/text()', query_to_xml(format(
                    'select count(*) as n from %I.%I where %I = %L', c.table_schema, c.table_name, c.column_name, \(value)::text),
                    false, true, '')))[1]::text::bigint as n
                from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
                where c.column_name = \(column) and t.table_type = 'BASE TABLE' and c.table_name <> 'outbox') as counted
            where n > 0
            """)
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("name"), try $0.decode("n")) })
    }
}
