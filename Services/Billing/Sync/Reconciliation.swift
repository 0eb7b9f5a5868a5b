import Contracts
import Foundation
import Logging
import Postgres
import Primitives

/// Compares every subscription at Stripe with what we keep, ended ones included, and puts right what differs.
///
/// What differs is read again and written like after an event, so that each repair stands in the audit trail with what was before. That Stripe
/// lists nothing is no evidence of anything: nobody loses access because of an answer that is empty, short or missing.
struct Reconciliation: Sendable {
    /// What came of it; kept for whoever watches.
    struct Outcome: Codable, Sendable, Equatable {
        /// Subscriptions that Stripe listed.
        var listed = 0
        /// Tenants that were read again, since something differed.
        var reread = 0
        /// Subscriptions of nobody here that go on.
        var unknown = 0
        /// Ours that go on and that Stripe did not list.
        var missing = 0
        /// Tenants that could not be put right.
        var failed = 0
    }

    /// How far a run has come.
    private struct Progress {
        var outcome = Outcome()
        /// Tenants, one after another, of whom Stripe did not answer.
        var unansweredInARow = 0
    }

    /// So many in a row are no trouble of one tenant's any more.
    private static let patience = 5
    private static let page = 100

    let stripe: StripeClient
    let sync: SubscriptionSync
    let database: Database
    let clock: WallClock
    let logger: Logger

    /// Throws when Stripe's list could not be read to its end; what was put right until then stays. `onPage` is called after a hundred at most.
    func run(onPage: () async throws -> Void = {}) async throws -> Outcome {
        var progress = Progress()
        var seen: Set<String> = []
        var last: String?
        repeat {
            var query: StripeParameters = ["status": "all", "limit": .integer(Int64(Self.page))]
            if let last { query["starting_after"] = .text(last) }
            let page = try await stripe.read(StripeList<StripeSubscription>.self, "/v1/subscriptions", query)
            progress.outcome.listed += page.data.count
            seen.formUnion(page.data.map(\.id))
            try await compare(page.data, &progress)
            last = page.hasMore ? page.data.last?.id : nil
            try await onPage()
        } while last != nil
        try await lookForMissing(seen, &progress, onPage: onPage)
        return progress.outcome
    }

    private func compare(_ listed: [StripeSubscription], _ progress: inout Progress) async throws {
        let customers = Set(listed.compactMap(\.customer))
        let known = try await ReconcileStore.known(Array(customers), in: database)
        var due: Set<TenantID> = []
        for subscription in listed {
            guard let customer = subscription.customer else { continue }
            if let kept = known[customer] {
                if kept.differs(from: subscription) { due.insert(kept.tenant) }
            } else if !subscription.hasEnded {
                guard let tenant = try await link(subscription, customer) else {
                    progress.outcome.unknown += 1
                    logger.warning("a subscription of nobody", metadata: ["subscription": "\(subscription.id)"])
                    continue
                }
                due.insert(tenant)
            }
        }
        for tenant in due { try await repair(tenant, &progress) }
    }

    /// Whose name we wrote on it when it was made.
    private func link(_ subscription: StripeSubscription, _ customer: String) async throws -> TenantID? {
        guard let tenant = subscription.metadata?["tenant"].flatMap({ TenantID($0) }) else { return nil }
        let now = clock.now
        let linked = try await database.transaction { try await CustomerLinks.link(customer, to: tenant, at: now, in: $0) }
        return linked == .linked ? tenant : nil
    }

    /// One tenant's trouble is not the others', also where it is Stripe that does not answer; when it answers nobody, that is everybody's.
    private func repair(_ tenant: TenantID, _ progress: inout Progress) async throws {
        do {
            try await sync.sync(tenant, cause: .reconcile)
            progress.outcome.reread += 1
            progress.unansweredInARow = 0
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            let isUnanswered = (error as? StripeError)?.isTransient ?? false
            progress.unansweredInARow = isUnanswered ? progress.unansweredInARow + 1 : 0
            if (error as? StripeError)?.code == StripeClient.resting.code || progress.unansweredInARow >= Self.patience { throw error }
            progress.outcome.failed += 1
            logger.error("a subscription could not be reconciled", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
        }
    }

    /// Ours of which the whole list says nothing: each is asked for by its name, and flagged where Stripe does not know it.
    private func lookForMissing(_ seen: Set<String>, _ progress: inout Progress, onPage: () async throws -> Void) async throws {
        var last = ""
        while true {
            let page = try await ReconcileStore.linked(after: last, limit: Self.page, in: database)
            for (tenant, subscription) in page where !seen.contains(subscription) {
                progress.outcome.missing += 1
                try await repair(tenant, &progress)
            }
            try await onPage()
            guard let end = page.last?.subscription, page.count == Self.page else { return }
            last = end
        }
    }
}
