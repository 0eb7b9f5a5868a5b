import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import Streams

/// Ends subscriptions at Stripe: first there, then here.
struct SubscriptionCancellation: Sendable {
    let stripe: StripeClient
    let sync: SubscriptionSync
    let announcer: AccessAnnouncer
    let database: Database
    let clock: WallClock
    let outbox: Outbox
    let logger: Logger

    /// Dunning's day 14: asks Stripe to end what was read a moment ago and is still not paid. The key is the unpaid episode's, so asking again is
    /// the same wish; what Stripe then says is written like after any event, and until it has, the status stays.
    func cancelUnpaid(_ tenant: TenantID, _ state: SubscriptionState) async throws {
        guard let subscription = state.subscription, let since = state.pastDueSince else { return }
        let isDue = try await database.transaction { transaction -> Bool in
            guard let locked = try await SyncStore.lock(tenant, in: transaction), locked.state.subscription == subscription,
                SubscriptionState.isUnpaid(locked.state.status), let known = locked.state.pastDueSince,
                // The database knows microseconds.
                abs(known.timeIntervalSince(since)) < 0.001
            else { return false }
            if locked.state.cancelRequestedAt == nil { try await request(subscription, of: tenant, because: "unpaid", in: transaction) }
            return true
        }
        // Paid, or another episode, since it was read.
        guard isDue else { return }
        outbox.wake()
        try await end(subscription, of: tenant, key: "unpaid-cancel:\(subscription):\(Int64(since.timeIntervalSince1970))")
        try await sync.sync(tenant, cause: .dunning)
    }

    /// The company is deleted: nothing may be charged any more, by any of its subscriptions, and nothing begun may become one. Returns when Stripe
    /// has ended all of them; asked again, it finds nothing left to do.
    func cancelAll(of tenant: TenantID) async throws {
        guard let start = try await SyncStore.start(of: tenant, in: database) else { return }
        if !stripe.isConfigured {
            // Nobody here can ask Stripe for anything; the company must not stay for that.
            if start.customer != nil || start.subscription != nil {
                logger.warning("no key of Stripe is configured: nothing was cancelled there", metadata: ["tenant": "\(tenant)"])
            }
        } else if start.customer != nil || start.subscription != nil {
            try await endCheckouts(of: tenant)
            for subscription in try await living(start) {
                try await database.transaction { try await request(subscription, of: tenant, because: "company_deleted", in: $0) }
                try await end(subscription, of: tenant, key: "deletion-cancel:\(subscription)")
            }
            try await sync.sync(tenant, cause: SyncCause(source: .request))
        }
        try await close(tenant)
        outbox.wake()
    }

    /// What Stripe would go on charging for: the one that is linked, and any other of the customer's.
    private func living(_ start: SyncStore.Start) async throws -> [String] {
        var all: [StripeSubscription] = []
        if let customer = start.customer { all = try await sync.reader.subscriptions(of: customer) }
        var living = all.filter { !$0.hasEnded }.map(\.id)
        // Of one that Stripe did not list, we ask for the end as well.
        if let linked = start.subscription, !all.contains(where: { $0.id == linked }) { living.append(linked) }
        return living
    }

    /// One that Stripe does not know any more, or that has ended, is what was wished for.
    private func end(_ subscription: String, of tenant: TenantID, key: String) async throws {
        do throws(StripeError) {
            _ = try await stripe.delete(StripeSubscription.self, "/v1/subscriptions/\(subscription)", key: key, for: tenant)
        } catch {
            guard error.kind == .notFound || error.code == "resource_missing" else { throw error }
            logger.notice("there was nothing to end", metadata: ["tenant": "\(tenant)", "subscription": "\(subscription)"])
        }
    }

    private func endCheckouts(of tenant: TenantID) async throws {
        let open = try await database.query(
            "select stripe_session from checkouts where tenant_id = \(tenant) and status = 'open' and stripe_session is not null")
        for row in open {
            let session: String = try row.decode("stripe_session")
            do throws(StripeError) {
                _ = try await stripe.write(
                    StripeCheckoutSession.self, "/v1/checkout/sessions/\(session)/expire", key: "deletion-expire:\(session)", for: tenant)
            } catch {
                // Over already: what came of it is among the subscriptions.
                guard error.kind == .notFound || error.kind == .invalidRequest else { throw error }
            }
        }
    }

    /// The built-in trial ends, and what Stripe could not be asked about; grants end with the company.
    private func close(_ tenant: TenantID) async throws {
        let now = clock.now
        let cause = SyncCause(source: .request)
        try await database.transaction { transaction in
            guard let locked = try await SyncStore.lock(tenant, in: transaction) else { return }
            try await transaction.query(
                "update access_grants set revoked_at = \(now) where tenant_id = \(tenant) and revoked_at is null")
            if !SubscriptionState.hasEnded(locked.state.status) {
                // Whoever was reading it from Stripe begins anew.
                try await transaction.query(
                    """
                    update subscriptions set status = 'canceled', version = version + 1, sync_version = sync_version + 1
                    where tenant_id = \(tenant)
                    """)
            }
            try await announcer.settle(tenant, cause: cause, in: transaction)
        }
    }

    /// Written down before Stripe is asked, so that a wish whose answer was lost is in the trail, too.
    private func request(_ subscription: String, of tenant: TenantID, because reason: String, in transaction: Transaction) async throws {
        let now = clock.now
        try await transaction.query("update subscriptions set cancel_requested_at = \(now) where tenant_id = \(tenant)")
        let event = try PendingEvent(
            BillingEvents.CancellationRequested(subscription: subscription), at: now, tenant: tenant, actor: .system("billing"),
            audit: AuditRecord(
                action: "subscription.cancel", targets: [.init(type: "subscription", id: subscription)], metadata: ["reason": reason]))
        try await outbox.append([event], in: transaction)
    }
}
