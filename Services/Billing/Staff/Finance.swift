import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// What the operator's people do to billing: each act with a reason, in the trail of the company it touches, and never in somebody's name.
struct Finance: Sendable {
    typealias Audit =
        @Sendable (
            _ action: String, _ targets: [AuditRecord.Target], _ changes: [AuditRecord.Change], _ metadata: [String: String]
        ) -> AuditRecord

    /// Row-level security holds.
    let api: Database
    let worker: Database
    let stripe: StripeClient
    let sync: SubscriptionSync
    let announcer: AccessAnnouncer
    let outbox: Outbox
    let clock: WallClock

    /// One act, who does it and why.
    struct Act: Sendable {
        let action: String
        let target: AuditRecord.Target
        /// Nil for what belongs to no company, such as a plan.
        let tenant: TenantID?
        var changes: [AuditRecord.Change] = []
        var metadata: [String: String] = [:]
        let reason: String
    }

    /// Writes the act down, in the transaction that makes it true.
    func tell(_ act: Act, by staff: Identity, _ audit: Audit, in transaction: Transaction) async throws {
        let event = try PendingEvent(
            BillingEvents.StaffActed(act: act.action, target: act.target.id), at: clock.now, tenant: act.tenant, actor: staff.staffActor,
            audit: audit(act.action, [act.target], act.changes, act.metadata.merging(["reason": act.reason]) { $1 }))
        try await outbox.append([event], in: transaction)
    }

    // MARK: - Stripe's word

    /// Lets an event be handled once more, as if it had just come; false when there is none. What it tells of is read from Stripe again anyhow.
    func replay(_ event: String, of account: String, reason: String, by staff: Identity, audit: Audit) async throws -> Bool {
        let now = clock.now
        let isFound = try await worker.transaction { transaction -> Bool in
            let rows = try await transaction.query(
                """
                update stripe_events set state = 'pending', attempts = 0, next_at = \(now), error = null, handled_at = null
                where account = \(account) and id = \(event) returning type, tenant_id
                """)
            guard let row = rows.first else { return false }
            let act = Act(
                action: "webhook.replay", target: .init(type: "stripe_event", id: event), tenant: try row.decodeOptional("tenant_id"),
                metadata: ["type": try row.decode("type")], reason: reason)
            try await tell(act, by: staff, audit, in: transaction)
            return true
        }
        outbox.wake()
        return isFound
    }

    /// Reads a company's subscription from Stripe at once; false when nobody has told us of the company.
    func synchronise(_ tenant: TenantID, reason: String, by staff: Identity, audit: @escaping Audit) async throws -> Bool {
        let act = Act(action: "subscription.sync", target: .init(type: "tenant", id: tenant.description), tenant: tenant, reason: reason)
        do {
            try await sync.sync(tenant, cause: SyncCause(source: .staff, person: staff.staffActor)) { transaction in
                try await tell(act, by: staff, audit, in: transaction)
            }
        } catch is SubscriptionSync.UnknownTenant {
            return false
        } catch is SubscriptionSync.Contended {
            throw Problem.unavailable()
        }
        return true
    }

    // MARK: - Grants

    /// Gives a company access or limits beside its plan, from now on; nil when nobody has told us of the company.
    func grant(_ new: Grant.New, to tenant: TenantID, by staff: Identity, audit: Audit) async throws -> Grant? {
        let now = clock.now
        let grant = Grant(new, id: .v7(at: now), by: staff.user, at: now)
        let isGiven = try await worker.transaction { transaction -> Bool in
            guard try await GrantStore.lockSubscription(of: tenant, in: transaction) else { return false }
            try await GrantStore.insert(grant, of: tenant, in: transaction)
            try await tell(Self.act("grant.give", grant, of: tenant, reason: grant.reason), by: staff, audit, in: transaction)
            try await announcer.settle(tenant, cause: SyncCause(source: .staff, person: staff.staffActor), in: transaction)
            return true
        }
        outbox.wake()
        return isGiven ? grant : nil
    }

    /// Takes a grant back, from now on; false when there is no such one that still holds.
    func revoke(_ id: UUID, of tenant: TenantID, reason: String, by staff: Identity, audit: Audit) async throws -> Bool {
        let now = clock.now
        let isRevoked = try await worker.transaction { transaction -> Bool in
            guard try await GrantStore.lockSubscription(of: tenant, in: transaction),
                let grant = try await GrantStore.revoke(id, of: tenant, at: now, in: transaction)
            else { return false }
            try await tell(Self.act("grant.revoke", grant, of: tenant, reason: reason), by: staff, audit, in: transaction)
            try await announcer.settle(tenant, cause: SyncCause(source: .staff, person: staff.staffActor), in: transaction)
            return true
        }
        outbox.wake()
        return isRevoked
    }

    private static func act(_ action: String, _ grant: Grant, of tenant: TenantID, reason: String) -> Act {
        var metadata = ["tenant": tenant.description]
        metadata["access"] = grant.access?.rawValue
        metadata["ends_at"] = grant.endsAt.map(WireJSON.format)
        for (name, limit) in grant.limits { metadata["limit_\(name)"] = limit.map(String.init) ?? "unlimited" }
        return Act(action: action, target: .init(type: "grant", id: grant.id.description), tenant: tenant, metadata: metadata, reason: reason)
    }
}

extension Identity {
    /// One of the operator's people, as the trail names them: as themselves.
    var staffActor: EventActor { EventActor(kind: .support, id: user.description, name: name) }
}
