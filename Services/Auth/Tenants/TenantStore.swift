import Contracts
import Foundation
import Postgres

/// The SQL of companies themselves; who works in them is in ``MemberStore``.
enum TenantStore {
    /// The companies a person owns; holds the person's row, so that two requests at once count each other.
    static func owned(by user: UserID, in transaction: Transaction) async throws -> Int {
        try await AccountStore.hold(user, in: transaction)
        return try await transaction.query(
            """
            select count(*) as n from users.tenant_users m join public.tenants t on t.id = m.tenant_id and t.deleted is null
            where m.user_id = \(user) and m.deleted is null and m.roles[1] = 'owner'
            """)[0].decode("n")
    }

    static func insert(_ tenant: TenantID, name: String, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query("insert into public.tenants (id, name, created, updated) values (\(tenant), \(name), \(now), \(now))")
    }

    /// What it was called before; nil when there is no such company.
    static func rename(_ tenant: TenantID, to name: String, at now: Date, in transaction: Transaction) async throws -> String? {
        try await transaction.query(
            """
            update public.tenants t set name = \(name), updated = \(now) from (
                select id, name from public.tenants where id = \(tenant) and deleted is null for update) as old
            where t.id = old.id returning old.name as before
            """
        ).first?.decode("before")
    }
}
