import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Beginning a subscription.
struct Subscriptions: Sendable {
    static let trialPlan = "starter"
    static let trialLength: TimeInterval = 14 * 86_400

    let clock: WallClock
    let outbox: Outbox

    /// Gives a new tenant 14 days on the smallest plan's limits; once, however often it is told.
    func startTrial(of tenant: TenantID, cause: EventHeader, in transaction: Transaction) async throws {
        let start = cause.occurredAt
        let end = start.addingTimeInterval(Self.trialLength)
        guard try await SubscriptionStore.insertTrial(of: tenant, plan: Self.trialPlan, from: start, to: end, in: transaction) else { return }
        let event = try PendingEvent(
            BillingEvents.TrialStarted(plan: Self.trialPlan, endsAt: end), at: clock.now, tenant: tenant,
            aggregate: Aggregate(kind: "subscription", id: tenant.description, version: 1), actor: .system("billing"), trace: cause.trace,
            audit: AuditRecord(action: "trial.start", targets: [.init(type: "tenant", id: tenant.description)], metadata: ["plan": Self.trialPlan]))
        try await outbox.append([event], in: transaction)
    }
}
