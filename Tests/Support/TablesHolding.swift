import Postgres
import ServiceRuntime

extension TestHouse {
    /// The tables with a row that holds these words in any column of any type, as text or as bytes, in any case.
    public func tables(holding words: String) async throws -> [String] {
        let owner = Database(database.configuration(role: "postgres"), connections: 1)
        let rows = try await owner.query(
            """
            select name from (
                select t.table_name::text as name, (xpath('/row/n/text()', query_to_xml(format(
                    'select count(*) as n from %I.%I as r where position(lower(%L) in lower(r::text)) > 0
                        or position(encode(convert_to(lower(%L), ''UTF8''), ''hex'') in lower(r::text)) > 0',
                    t.table_schema, t.table_name, \(words)::text, \(words)::text), false, true, '')))[1]::text::bigint as n
                from information_schema.tables t
                where t.table_type = 'BASE TABLE' and t.table_schema not in ('pg_catalog', 'information_schema')) as counted
            where n > 0 order by name
            """)
        return try rows.map { try $0.decode("name") }
    }
}
