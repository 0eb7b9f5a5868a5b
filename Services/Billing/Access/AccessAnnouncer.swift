import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Tells everyone when what a tenant may do has changed: by Stripe's word, by a grant, or by the clock alone.
struct AccessAnnouncer: Sendable {
    /// How long we wait before we look again at what Stripe should have said by now.
    private static let patience: TimeInterval = 300
    /// How often that is looked at which would be cancelled if staff did not let it go on.
    private static let day: TimeInterval = 86_400

    let clock: WallClock
    let outbox: Outbox

    /// Compares what was announced with what is so, in the caller's transaction: to be called after every change of a subscription or a grant.
    /// The caller wakes the outbox after its commit.
    func settle(_ tenant: TenantID, cause: SyncCause, in transaction: Transaction) async throws {
        let now = clock.now
        guard let known = try await Self.lock(tenant, at: now, in: transaction) else { return }
        try await MailAllowance.settle(tenant, known.facts, at: now, in: transaction)
        let access = known.facts.access(at: now)
        let due = known.nextLook(after: now)
        guard access.rawValue != known.announced else {
            try await transaction.query("update subscriptions set access_due_at = \(due) where tenant_id = \(tenant)")
            return
        }
        let version: Int64 = try await transaction.query(
            """
            update subscriptions set announced_access = \(access), access_version = access_version + 1, access_due_at = \(due)
            where tenant_id = \(tenant) returning access_version
            """)[0].decode("access_version")
        let event = try PendingEvent(
            BillingEvents.AccessChanged(access: access), at: now, tenant: tenant,
            aggregate: Aggregate(kind: "access", id: tenant.description, version: version), actor: cause.actor, trace: cause.trace,
            audit: AuditRecord(
                action: "subscription.access_change", targets: [.init(type: "tenant", id: tenant.description)],
                changes: [.init(path: "access", before: known.announced, after: access.rawValue)],
                metadata: cause.metadata.merging(["status": known.facts.status]) { $1 }))
        try await outbox.append([event], in: transaction)
    }

    /// What access follows from, as it is stored.
    struct Known: Sendable {
        var facts: AccessFacts
        /// Stripe's too, of which only Stripe says when it is over.
        var trialEndsAt: Date?
        var isAtStripe: Bool
        /// Full until somebody was told otherwise: it is what all assume of a company.
        var announced: String
        /// When a grant begins or ends.
        var grantsChangeAt: Date?

        /// When somebody should look again, though nothing happens until then.
        func nextLook(after now: Date) -> Date? {
            var looks = [facts.nextChange(after: now), grantsChangeAt].compactMap(\.self)
            if isAtStripe, facts.status == "trialing", let trialEndsAt {
                looks.append(trialEndsAt > now ? trialEndsAt : now + AccessAnnouncer.patience)
            }
            if isAtStripe, facts.isCancelDue(at: now) {
                looks.append(now + (facts.maySend(at: now) ? AccessAnnouncer.day : AccessAnnouncer.patience))
            }
            return looks.min()
        }
    }

    /// Nil for a tenant of whom nobody has told us.
    private static func lock(_ tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> Known? {
        try await transaction.query(
            """
            select s.status, s.trial_ends_at, s.past_due_since, s.stripe_subscription is not null as at_stripe, s.announced_access,
                   (select min(least(case when g.starts_at > \(now) then g.starts_at end, case when g.ends_at > \(now) then g.ends_at end))
                    from access_grants g where g.tenant_id = s.tenant_id and g.revoked_at is null) as grants_change_at,
                   a.granted_access, a.granted_until, l.granted_limits
            from subscriptions s \(AccessGrant.join(at: now)) where s.tenant_id = \(tenant) for update of s
            """
        ).first.map { row in
            let trialEndsAt: Date? = try row.decodeOptional("trial_ends_at")
            let isAtStripe: Bool = try row.decode("at_stripe")
            return Known(
                facts: AccessFacts(
                    status: try row.decode("status"), trialEndsAt: trialEndsAt, pastDueSince: try row.decodeOptional("past_due_since"),
                    isAtStripe: isAtStripe, grant: try AccessGrant.joined(row)),
                trialEndsAt: trialEndsAt, isAtStripe: isAtStripe, announced: try row.decode("announced_access"),
                grantsChangeAt: try row.decodeOptional("grants_change_at"))
        }
    }
}
