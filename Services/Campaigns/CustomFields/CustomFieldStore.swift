import Contracts
import Foundation
import Postgres

/// The SQL of custom fields.
enum CustomFieldStore {
    private static let columns: SQL = "id, key, name, kind, choices, revision, created_at"

    /// All of a company, by key: at most ``CustomFields/most``.
    static func list(of tenant: TenantID, in database: Database) async throws -> [CustomField] {
        try await database.query(as: tenant, list(of: tenant)).map(field)
    }

    static func list(of tenant: TenantID, in transaction: Transaction) async throws -> [CustomField] {
        try await transaction.query(list(of: tenant)).map(field)
    }

    private static func list(of tenant: TenantID) -> SQL {
        "select \(columns) from custom_fields where tenant_id = \(tenant) order by key limit 1000"
    }

    static func find(_ id: CustomFieldID, of tenant: TenantID, in database: Database) async throws -> CustomField? {
        try await database.query(
            as: tenant, "select \(columns) from custom_fields where tenant_id = \(tenant) and id = \(id)"
        ).first.map(field)
    }

    /// Held until the transaction ends.
    static func lock(_ id: CustomFieldID, of tenant: TenantID, in transaction: Transaction) async throws -> CustomField? {
        try await transaction.query(
            "select \(columns) from custom_fields where tenant_id = \(tenant) and id = \(id) for update"
        ).first.map(field)
    }

    /// One maker at a time for a company, so that what was counted and looked up still holds at the insert.
    static func lockAll(of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('custom_fields:' || \(tenant.description), 0))")
    }

    static func insert(_ field: CustomField, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into custom_fields (tenant_id, id, key, name, kind, choices, revision, created_at)
            values (\(tenant), \(field.id), \(field.key), \(field.name), \(field.kind), \(field.choices), \(field.revision), \(field.createdAt))
            """)
    }

    static func update(_ field: CustomField, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update custom_fields set name = \(field.name), choices = \(field.choices), revision = \(field.revision)
            where tenant_id = \(tenant) and id = \(field.id)
            """)
    }

    static func delete(_ id: CustomFieldID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("delete from custom_fields where tenant_id = \(tenant) and id = \(id)")
    }

    /// Whether a segment, or a condition in the steps of a campaign that is not over, asks for the field.
    static func isInUse(_ key: String, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        // Wherever in the tree a condition names it.
        let path = "$.**.field ? (@ == $name)"
        let name = "custom.\(key)"
        return try await transaction.query(
            """
            select exists (
                select from segments s where s.tenant_id = \(tenant)
                  and jsonb_path_exists(s.filter, \(path)::jsonpath, jsonb_build_object('name', \(name)))
            ) or exists (
                select from campaigns c join campaign_sequences q
                    on q.tenant_id = c.tenant_id and q.campaign_id = c.id and q.version = c.sequence_version
                where c.tenant_id = \(tenant) and c.status not in ('completed', 'archived')
                  and jsonb_path_exists(q.steps, \(path)::jsonpath, jsonb_build_object('name', \(name)))) as used
            """)[0].decode("used")
    }

    private static func field(_ row: Row) throws -> CustomField {
        CustomField(
            id: try row.decode("id"), key: try row.decode("key"), name: try row.decode("name"), kind: try row.decode("kind"),
            choices: try row.decode("choices"), revision: try row.decode("revision"), createdAt: try row.decode("created_at"))
    }
}
