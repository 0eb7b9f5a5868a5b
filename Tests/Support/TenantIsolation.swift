import Contracts
import Postgres
import ServiceRuntime

extension TestHouse {
    /// Tables that hold what belongs to tenants and that the service's request role can reach without row-level security in between.
    ///
    /// Protected is what has row-level security, forced, with policies for the role, each of which asks for the tenant of the transaction: none
    /// set, no rows. A table counts when it has a tenant's identifier and the role may do anything with it; `public.tenants` is its own tenant.
    public func unprotectedTables() async throws -> [String] {
        let role = "\(house.service.rawValue)_api"
        let owner = Database(database.configuration(role: "postgres"), connections: 1)
        let rows = try await owner.query(
            """
            select c.oid::regclass::text as name,
                c.relrowsecurity and c.relforcerowsecurity and exists (
                    select from pg_policy p join pg_roles r on r.rolname = \(role)
                    where p.polrelid = c.oid and (r.oid = any(p.polroles) or 0 = any(p.polroles)))
                and not exists (select from pg_policy p join pg_roles r on r.rolname = \(role)
                    where p.polrelid = c.oid and (r.oid = any(p.polroles) or 0 = any(p.polroles))
                      and coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) not like '%nile.tenant_id%')
                as protected
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
              and (exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
                   or (n.nspname = 'public' and c.relname = 'tenants'))
              and has_schema_privilege(\(role), n.oid, 'usage') and has_table_privilege(\(role), c.oid, 'select, insert, update, delete')
            order by 1
            """)
        return try rows.filter { try !$0.decode("protected", as: Bool.self) }.map { try $0.decode("name") }
    }
}
