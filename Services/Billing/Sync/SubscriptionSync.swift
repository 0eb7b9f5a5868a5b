import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import Streams

/// Brings what we keep of a tenant's subscription to what Stripe says: the one way in which it is written.
///
/// No transaction is open while Stripe is asked, since a slow Stripe would then hold the connections that mails are reserved through. Instead the
/// row counts its readings: one is written only when no other was since it began, under the row's lock, and begins anew otherwise. So what is
/// written was always read after what was written before it, and whoever dies in between leaves nothing behind.
struct SubscriptionSync: Sendable {
    /// Nobody has told us of this tenant.
    struct UnknownTenant: Error {}
    /// Others were faster every time; later it will do.
    struct Contended: Error {}

    private static let attempts = 6

    let database: Database
    let reader: SubscriptionReader
    let announcer: AccessAnnouncer
    let clock: WallClock
    let outbox: Outbox
    let logger: Logger

    /// Reads and writes once; `also` happens in the same commit. A tenant that Stripe has nothing of stays as it is.
    @discardableResult
    func sync(
        _ tenant: TenantID, cause: SyncCause, also: @Sendable (Transaction) async throws -> Void = { _ in }
    ) async throws -> SubscriptionState {
        for _ in 0..<Self.attempts {
            guard let start = try await SyncStore.start(of: tenant, in: database) else { throw UnknownTenant() }
            var reading: SubscriptionReading?
            if start.customer != nil || start.subscription != nil {
                reading = try await reader.read(
                    customer: start.customer, linked: start.subscription, needsUnpaidSince: start.pastDueSince == nil)
            }
            let found = reading
            let written = try await database.transaction { transaction -> SubscriptionState? in
                guard let locked = try await SyncStore.lock(tenant, in: transaction) else { throw UnknownTenant() }
                guard locked.syncVersion == start.syncVersion else { return nil }
                let state = try await write(found, over: locked, of: tenant, cause: cause, in: transaction)
                try await also(transaction)
                return state
            }
            if let written {
                outbox.wake()
                return written
            }
        }
        throw Contended()
    }

    private func write(
        _ reading: SubscriptionReading?, over locked: SyncStore.Locked, of tenant: TenantID, cause: SyncCause, in transaction: Transaction
    ) async throws -> SubscriptionState {
        guard let reading else { return locked.state }
        let now = clock.now
        let state = locked.state.applying(reading, now: now)
        let changes = state.changes(from: locked.state)
        let version = locked.version + (changes.isEmpty ? 0 : 1)
        try await SyncStore.write(state, of: tenant, version: version, at: now, source: cause.source, in: transaction)
        try await outbox.append(
            try events(state, locked.state, changes, version: version, of: tenant, cause: cause, at: now), in: transaction)
        try await announcer.settle(tenant, cause: cause, in: transaction)
        return state
    }

    private func events(
        _ state: SubscriptionState, _ old: SubscriptionState, _ changes: [AuditRecord.Change], version: Int64, of tenant: TenantID,
        cause: SyncCause, at now: Date
    ) throws -> [PendingEvent] {
        guard !changes.isEmpty else { return [] }
        let aggregate = Aggregate(kind: "subscription", id: tenant.description, version: version)
        let target = AuditRecord.Target(type: "subscription", id: state.subscription ?? tenant.description)
        var events = [
            try PendingEvent(
                BillingEvents.SubscriptionChanged(plan: state.plan, status: state.status, periodEnd: state.period.end), at: now, tenant: tenant,
                aggregate: aggregate, actor: cause.actor, trace: cause.trace,
                audit: AuditRecord(action: "subscription.change", targets: [target], changes: changes, metadata: cause.metadata))
        ]
        let raised = state.flags.filter { !old.flags.contains($0) }
        if !raised.isEmpty {
            logger.warning("a subscription wants an eye", metadata: ["tenant": "\(tenant)", "flags": "\(raised)", "source": "\(cause.source)"])
            events.append(
                try PendingEvent(
                    BillingEvents.SubscriptionFlagged(flags: raised), at: now, tenant: tenant, aggregate: aggregate, actor: cause.actor,
                    trace: cause.trace,
                    audit: AuditRecord(
                        action: "subscription.flag", targets: [target],
                        metadata: cause.metadata.merging(["flags": raised.joined(separator: " ")]) { $1 })))
        }
        return events
    }
}
