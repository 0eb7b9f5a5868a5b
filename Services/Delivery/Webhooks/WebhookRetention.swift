import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Clears away what is older than thirty days and what belonged to deleted endpoints, a batch at a time.
struct WebhookRetention: Service {
    private static let batch = 1_000
    private static let pause = Duration.seconds(3_600)

    /// Of the `_worker` role.
    let database: Database
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await repeatWork("clearing webhooks away", logger: logger, rest: { try? await Task.sleep(for: Self.pause) }, step: step)
    }

    private func step() async throws -> Bool {
        try await prune()
        try await lookAgain()
        return false
    }

    func prune() async throws {
        let oldest = clock.now.addingTimeInterval(-WebhookSchedule.retention)
        while try await deleteMessages(before: oldest) == Self.batch {}
        while try await deleteEndpoint() {}
    }

    /// Messages go with all that is known of their deliveries. Whoever has one in hand finds nothing to write down any more.
    private func deleteMessages(before oldest: Date) async throws -> Int {
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                delete from webhook_messages where (tenant_id, id) in (
                    select tenant_id, id from webhook_messages where created_at < \(oldest) order by created_at limit \(Self.batch))
                returning tenant_id, id
                """)
            guard !rows.isEmpty else { return 0 }
            let tenants: [TenantID] = try rows.map { try $0.decode("tenant_id") }
            let messages: [WebhookMessageID] = try rows.map { try $0.decode("id") }
            let gone: SQL = "select * from unnest(\(tenants), \(messages))"
            try await transaction.query("delete from webhook_attempts where (tenant_id, message_id) in (\(gone))")
            try await transaction.query("delete from webhook_deliveries where (tenant_id, message_id) in (\(gone))")
            return rows.count
        }
    }

    /// A batch of what one deleted endpoint leaves behind, and the endpoint after the last; false when there is none.
    private func deleteEndpoint() async throws -> Bool {
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                "select tenant_id, id from webhook_endpoints where state = 'deleted' order by tenant_id, id limit 1 for update skip locked")
            guard let row = rows.first else { return false }
            let (tenant, endpoint) = (try row.decode("tenant_id", as: TenantID.self), try row.decode("id", as: WebhookID.self))
            let deliveries: [WebhookMessageID] = try await transaction.query(
                """
                delete from webhook_deliveries where (tenant_id, message_id, endpoint_id) in (
                    select tenant_id, message_id, endpoint_id from webhook_deliveries
                    where tenant_id = \(tenant) and endpoint_id = \(endpoint) order by message_id limit \(Self.batch))
                returning message_id
                """
            ).map { try $0.decode("message_id") }
            try await transaction.query(
                "delete from webhook_attempts where tenant_id = \(tenant) and endpoint_id = \(endpoint) and message_id = any(\(deliveries))")
            if deliveries.count < Self.batch {
                try await transaction.query("delete from webhook_endpoints where tenant_id = \(tenant) and id = \(endpoint)")
            }
            return true
        }
    }

    /// Every endpoint is looked at once: whatever a defect may have forgotten to call goes out.
    private func lookAgain() async throws {
        try await database.query(
            """
            update webhook_endpoints e set due_at = least(e.due_at, \(clock.now)::timestamptz) from (
                select tenant_id, id from webhook_endpoints where state = 'active' and due_at = 'infinity'
                for no key update skip locked) as locked
            where e.tenant_id = locked.tenant_id and e.id = locked.id
            """)
    }
}
