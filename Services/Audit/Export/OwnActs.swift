import Contracts
import Postgres
import Primitives
import Streams

/// Something that Audit itself did; what, its audit record says.
struct AuditActed: Event {
    static let name = "audit.acted"
    var action: String
}

/// What is done here and belongs in the trail: written in the transaction that does it, since nobody reads their own stream.
struct OwnActs: Sendable {
    let trail: Trail
    let clock: WallClock

    /// `transaction` is one of the `_worker` role.
    func record(_ record: AuditRecord, of tenant: TenantID, by actor: EventActor, in transaction: Transaction) async throws {
        let event = try PendingEvent(AuditActed(action: record.action), at: clock.now, tenant: tenant, actor: actor, audit: record)
        try await trail.record([try ReceivedEvent(body: Array(event.body.utf8))], from: .audit, in: transaction)
    }
}
