import Contracts
import Foundation
import Postgres

/// The SQL of tenants' endpoints.
enum WebhookEndpointStore {
    private static let columns: SQL = """
        id, workspace_id, url, description, types, state, state_reason, state_since, failures, previous_until, created_at, updated_at
        """

    static func find(_ id: WebhookID, of tenant: TenantID, in database: Database) async throws -> WebhookEndpoint? {
        try await database.query(
            as: tenant, "select \(columns) from webhook_endpoints where tenant_id = \(tenant) and id = \(id) and state <> 'deleted'"
        ).first.map(endpoint)
    }

    /// As ``find(_:of:in:)``, and nobody changes or works on it until the transaction ends.
    static func lock(_ id: WebhookID, of tenant: TenantID, in transaction: Transaction) async throws -> WebhookEndpoint? {
        try await transaction.query(
            "select \(columns) from webhook_endpoints where tenant_id = \(tenant) and id = \(id) and state <> 'deleted' for no key update"
        ).first.map(endpoint)
    }

    /// All of them, in the order in which they were made.
    static func list(of tenant: TenantID, in database: Database) async throws -> [WebhookEndpoint] {
        try await database.query(
            as: tenant, "select \(columns) from webhook_endpoints where tenant_id = \(tenant) and state <> 'deleted' order by id"
        ).map(endpoint)
    }

    /// How many there are; who asks again in another transaction waits until this one ends.
    static func count(of tenant: TenantID, in transaction: Transaction) async throws -> Int {
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('webhook_endpoints:' || \(tenant.description), 0))")
        return try await transaction.query("select count(*) as n from webhook_endpoints where tenant_id = \(tenant) and state <> 'deleted'")[0]
            .decode("n")
    }

    static func insert(_ new: WebhookEndpoint, secretSealed: String, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into webhook_endpoints (tenant_id, id, workspace_id, url, description, types, secret_sealed, state, state_since, created_at,
                                           updated_at)
            values (\(tenant), \(new.id), \(new.workspace), \(new.url), \(new.description), \(new.types), \(secretSealed), \(new.state),
                    \(new.stateSince), \(new.createdAt), \(new.updatedAt))
            """)
    }

    static func update(
        _ id: WebhookID, url: String, description: String, types: [String], of tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            update webhook_endpoints set url = \(url), description = \(description), types = \(types), updated_at = \(now)
            where tenant_id = \(tenant) and id = \(id)
            """)
    }

    /// One that becomes active begins anew, with what was kept for it.
    static func set(_ state: WebhookEndpoint.State, of id: WebhookID, _ tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update webhook_endpoints set state = \(state), state_reason = null, state_since = \(now), updated_at = \(now), failures = 0,
                due_at = least(due_at, \(now)::timestamptz)
            where tenant_id = \(tenant) and id = \(id)
            """)
    }

    static func delete(_ id: WebhookID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update webhook_endpoints set state = 'deleted', state_since = \(now), updated_at = \(now), url = '', description = '',
                secret_sealed = '', previous_secret_sealed = null, previous_until = null, due_at = 'infinity'
            where tenant_id = \(tenant) and id = \(id)
            """)
    }

    /// The secret that there was signs too until `overlap`; the one before it no longer.
    static func rotate(
        _ id: WebhookID, secretSealed: String, overlap: Date, of tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            update webhook_endpoints set previous_secret_sealed = secret_sealed, previous_until = \(overlap), secret_sealed = \(secretSealed),
                updated_at = \(now)
            where tenant_id = \(tenant) and id = \(id)
            """)
    }

    static func secrets(of id: WebhookID, _ tenant: TenantID, in database: Database) async throws -> SealedWebhookSecrets? {
        try await database.query(
            as: tenant,
            """
            select secret_sealed, previous_secret_sealed, previous_until from webhook_endpoints
            where tenant_id = \(tenant) and id = \(id) and state <> 'deleted'
            """
        ).first.map { row in
            SealedWebhookSecrets(
                current: try row.decode("secret_sealed"), previous: try row.decodeOptional("previous_secret_sealed"),
                previousUntil: try row.decodeOptional("previous_until"))
        }
    }

    /// False when it was tried after `since`.
    static func claimTest(of id: WebhookID, _ tenant: TenantID, notSince since: Date, at now: Date, in database: Database) async throws -> Bool {
        try await database.query(
            as: tenant,
            """
            update webhook_endpoints set tested_at = \(now)
            where tenant_id = \(tenant) and id = \(id) and state <> 'deleted' and (tested_at is null or tested_at <= \(since))
            """
        ).affected > 0
    }

    private static func endpoint(_ row: Row) throws -> WebhookEndpoint {
        WebhookEndpoint(
            id: try row.decode("id"), workspace: try row.decodeOptional("workspace_id"), url: try row.decode("url"),
            description: try row.decode("description"), types: try row.decode("types"), state: try row.decode("state"),
            stateReason: try row.decodeOptional("state_reason"), stateSince: try row.decode("state_since"), failures: try row.decode("failures"),
            previousSecretUntil: try row.decodeOptional("previous_until"), createdAt: try row.decode("created_at"),
            updatedAt: try row.decode("updated_at"))
    }
}
