import Contracts
import Postgres
import ServiceRuntime

/// What Auth counts for Billing every night, over all living companies.
enum ResourceCounts {
    /// Members, and invitations: one that has run out counts until its place is given back.
    static func users(_ house: House) -> ResourceRecount {
        ResourceRecount(house: house, of: .users) { start, limit, database in
            try await page(
                """
                (select count(*) from users.tenant_users m where m.tenant_id = t.id and m.deleted is null)
                    + (select count(*) from invitations i where i.tenant_id = t.id and i.accepted_at is null and i.revoked_at is null)
                """, after: start, limit: limit, in: database)
        }
    }

    /// Those that are closed count until they are gone: then their place is given back.
    static func workspaces(_ house: House) -> ResourceRecount {
        ResourceRecount(house: house, of: .workspaces) { start, limit, database in
            try await page("(select count(*) from workspaces w where w.tenant_id = t.id)", after: start, limit: limit, in: database)
        }
    }

    private static func page(
        _ count: SQL, after start: TenantID?, limit: Int, in database: Database
    ) async throws -> [(tenant: TenantID, used: Int64)] {
        try await database.query(
            """
            select t.id, \(count) as n from public.tenants t
            where t.deleted is null and (\(start)::uuid is null or t.id > \(start)::uuid) order by t.id limit \(limit)
            """
        ).map { (tenant: try $0.decode("id"), used: try $0.decode("n")) }
    }
}
