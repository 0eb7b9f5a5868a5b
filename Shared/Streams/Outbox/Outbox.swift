public import Contracts
public import Foundation
public import Postgres
import Primitives

/// An event that a transaction is about to make true.
public struct PendingEvent: Sendable {
    public let header: EventHeader
    /// What travels: `{"header":{…},"data":{…}}`.
    public let body: String

    /// The event's id is a UUIDv7 of `instant`, which is also its `occurred_at`; throws when the data cannot be encoded. An entry for the trail
    /// that is too large is brought within its bounds, so that none of ours lands in quarantine. `trace` is the current one where none is named.
    public init<E: Event>(
        _ event: E, at instant: Date, tenant: TenantID?, workspace: WorkspaceID? = nil, aggregate: Aggregate? = nil, actor: EventActor,
        trace: String? = nil, audit: AuditRecord? = nil
    ) throws {
        header = EventHeader(
            id: EventID(.v7(at: instant)), type: E.name, version: E.version, tenant: tenant, workspace: workspace, aggregate: aggregate,
            actor: actor, trace: trace ?? TraceContext.traceparent, occurredAt: instant, audit: audit
        ).withinAuditBounds()
        body = String(decoding: try WireJSON.encoder().encode(EventBody(header: header, data: event)), as: UTF8.self)
    }
}

/// What travels: `{"header":{…},"data":{…}}`.
struct EventBody<E: Event>: Codable {
    let header: EventHeader
    let data: E
}

/// Where events wait for the relay; they become true with the transaction that appends them.
public struct Outbox: Sendable {
    let wakeup = Wakeup()

    public init() {}

    /// Writes the events in the caller's transaction.
    public func append(_ events: [PendingEvent], in transaction: Transaction) async throws(PostgresError) {
        guard !events.isEmpty else { return }
        try await transaction.query(
            """
            insert into outbox (id, tenant_id, type, body, occurred_at)
            select * from unnest(\(events.map(\.header.id)), \(PostgresOptionals(events.map(\.header.tenant))), \(events.map(\.header.type)),
                                 \(events.map(\.body)), \(events.map(\.header.occurredAt)))
            """)
    }

    /// Tells the relay of this process, after the commit, that there is something new.
    public func wake() {
        wakeup.signal()
    }
}
