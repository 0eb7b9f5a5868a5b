import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Turns facts into messages that wait for their receivers, in the transaction that hears of them.
///
/// Facts are read from the streams of Delivery and Campaigns rather than written where they happen: mail on its way waits for nobody's webhooks,
/// and what is not heard yet stays in the stream.
struct WebhookPublisher: Sendable {
    private static let batch = 500

    let clock: WallClock

    /// For companies without endpoints this is one look at an index a batch.
    func hear(_ events: [ReceivedEvent], in transaction: Transaction) async throws {
        let facts = try events.flatMap { try WebhookFacts.of($0) }
        guard !facts.isEmpty else { return }
        let listeners = try await Self.listeners(among: Set(facts.map(\.tenant)), in: transaction)
        try await publish(facts.filter { listeners.contains($0.tenant) }, in: transaction)
    }

    /// A fact that was told before is told to nobody again.
    func publish(_ facts: [WebhookFact], in transaction: Transaction) async throws {
        for start in stride(from: 0, to: facts.count, by: Self.batch) {
            let part = try await Self.completed(Array(facts[start..<min(start + Self.batch, facts.count)]), in: transaction)
            try await insert(part, in: transaction)
        }
    }

    /// Which of the companies have endpoints that something is kept for; none of these goes away before the transaction has ended, so that nothing
    /// is left behind of a company that is purged meanwhile.
    private static func listeners(among tenants: Set<TenantID>, in transaction: Transaction) async throws -> Set<TenantID> {
        let rows = try await transaction.query(
            """
            select tenant_id from webhook_endpoints where tenant_id = any(\(Array(tenants))) and state in ('active', 'paused') for key share
            """)
        return Set(try rows.map { try $0.decode("tenant_id") })
    }

    /// Facts about mails say only which mail; its workspace decides who is told.
    private static func completed(_ facts: [WebhookFact], in transaction: Transaction) async throws -> [WebhookFact] {
        struct Key: Hashable {
            let tenant: TenantID
            let sendKey: String
        }
        let keys = Set(facts.compactMap { fact in fact.data.sendKey.map { Key(tenant: fact.tenant, sendKey: $0) } })
        guard !keys.isEmpty else { return facts }
        let list = Array(keys)
        let rows = try await transaction.query(
            """
            select s.tenant_id, s.send_key, s.id, s.workspace_id, s.mailbox_id
            from unnest(\(list.map(\.tenant)), \(list.map(\.sendKey))) as k (tenant_id, send_key)
            join sends s on s.tenant_id = k.tenant_id and s.send_key = k.send_key
            """)
        var sends: [Key: Row] = [:]
        for row in rows { sends[Key(tenant: try row.decode("tenant_id"), sendKey: try row.decode("send_key"))] = row }
        return try facts.map { fact in
            guard let key = fact.data.sendKey, let row = sends[Key(tenant: fact.tenant, sendKey: key)] else { return fact }
            var complete = fact
            complete.workspace = try row.decode("workspace_id")
            complete.data.send = try row.decode("id")
            complete.data.mailbox = try row.decode("mailbox_id")
            return complete
        }
    }

    private func insert(_ facts: [WebhookFact], in transaction: Transaction) async throws {
        guard !facts.isEmpty else { return }
        let now = clock.now
        let identifiers = facts.map { _ in WebhookMessageID(.v7(at: now)) }
        let bodies = try zip(facts, identifiers).map { try WebhookPayload($0, id: $1).encoded() }
        let reached = try await transaction.query(
            """
            with told as (
                insert into webhook_messages (tenant_id, id, workspace_id, type, source_key, body, created_at)
                select n.tenant_id, n.id, n.workspace_id, n.type, n.source_key, n.body, \(now)::timestamptz
                from unnest(\(facts.map(\.tenant)), \(identifiers), \(PostgresOptionals(facts.map(\.workspace))), \(facts.map(\.type.rawValue)),
                            \(facts.map(\.sourceKey)), \(bodies)) as n (tenant_id, id, workspace_id, type, source_key, body)
                where exists (
                    select from webhook_endpoints e where e.tenant_id = n.tenant_id and e.state in ('active', 'paused')
                      and (n.type = any(e.types) or \(WebhookType.everything) = any(e.types))
                      and (e.workspace_id is null or e.workspace_id = n.workspace_id))
                on conflict (tenant_id, source_key) do nothing
                returning tenant_id, id, workspace_id, type),
            waiting as (
                insert into webhook_deliveries (tenant_id, message_id, endpoint_id, type, next_at, created_at)
                select t.tenant_id, t.id, e.id, t.type, \(now)::timestamptz, \(now)::timestamptz
                from told t join webhook_endpoints e on e.tenant_id = t.tenant_id and e.state in ('active', 'paused')
                  and (t.type = any(e.types) or \(WebhookType.everything) = any(e.types))
                  and (e.workspace_id is null or e.workspace_id = t.workspace_id)
                returning tenant_id, endpoint_id)
            select distinct tenant_id, endpoint_id from waiting
            """)
        guard !reached.isEmpty else { return }
        let endpoints = try reached.map {
            (tenant: try $0.decode("tenant_id", as: TenantID.self), id: try $0.decode("endpoint_id", as: WebhookID.self))
        }
        // After the rows, under the lock, and always: whoever claims now does not see them yet, and may be about to say that nothing waits.
        try await transaction.query(
            """
            update webhook_endpoints e set due_at = least(e.due_at, \(now)::timestamptz) from (
                select l.tenant_id, l.id from webhook_endpoints l
                join unnest(\(endpoints.map(\.tenant)), \(endpoints.map(\.id))) as k (tenant_id, id) on k.tenant_id = l.tenant_id and k.id = l.id
                order by l.tenant_id, l.id for no key update of l) as locked
            where e.tenant_id = locked.tenant_id and e.id = locked.id
            """)
    }
}
