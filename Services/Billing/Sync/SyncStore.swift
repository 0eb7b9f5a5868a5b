import Contracts
import Foundation
import Postgres

/// The SQL of what is kept of a subscription at Stripe.
enum SyncStore {
    /// What a reading starts from.
    struct Start: Sendable {
        let customer: String?
        let subscription: String?
        let pastDueSince: Date?
        let syncVersion: Int64
    }

    /// Nil for a tenant of whom nobody has told us.
    static func start(of tenant: TenantID, in database: Database) async throws -> Start? {
        try await database.query(
            """
            select c.customer, s.stripe_subscription, s.past_due_since, s.sync_version
            from subscriptions s left join stripe_customers c on c.tenant_id = s.tenant_id where s.tenant_id = \(tenant)
            """
        ).first.map { row in
            Start(
                customer: try row.decodeOptional("customer"), subscription: try row.decodeOptional("stripe_subscription"),
                pastDueSince: try row.decodeOptional("past_due_since"), syncVersion: try row.decode("sync_version"))
        }
    }

    struct Locked: Sendable {
        let state: SubscriptionState
        let syncVersion: Int64
        let version: Int64
    }

    /// The row, locked until the transaction ends.
    static func lock(_ tenant: TenantID, in transaction: Transaction) async throws -> Locked? {
        try await transaction.query(
            """
            select plan, status, period_start, period_end, trial_ends_at, stripe_subscription, stripe_item, stripe_price, interval, amount, currency,
                   cancel_at, past_due_since, stripe_schedule, scheduled_plan, scheduled_interval, scheduled_at, cancel_requested_at, flags,
                   sync_version, version
            from subscriptions where tenant_id = \(tenant) for update
            """
        ).first.map { row in
            Locked(state: try state(row), syncVersion: try row.decode("sync_version"), version: try row.decode("version"))
        }
    }

    private static func state(_ row: Row) throws -> SubscriptionState {
        SubscriptionState(
            plan: try row.decode("plan"), status: try row.decode("status"),
            period: BillingPeriod(start: try row.decode("period_start"), end: try row.decode("period_end")),
            trialEndsAt: try row.decodeOptional("trial_ends_at"), subscription: try row.decodeOptional("stripe_subscription"),
            item: try row.decodeOptional("stripe_item"), price: try row.decodeOptional("stripe_price"),
            interval: try row.decodeOptional("interval"), amount: try row.decodeOptional("amount"), currency: try row.decodeOptional("currency"),
            cancelAt: try row.decodeOptional("cancel_at"), pastDueSince: try row.decodeOptional("past_due_since"),
            schedule: try row.decodeOptional("stripe_schedule"), scheduledPlan: try row.decodeOptional("scheduled_plan"),
            scheduledInterval: try row.decodeOptional("scheduled_interval"), scheduledAt: try row.decodeOptional("scheduled_at"),
            cancelRequestedAt: try row.decodeOptional("cancel_requested_at"), flags: try row.decode("flags"))
    }

    /// Writes all of it; whatever was read from Stripe before this is too old from now on.
    static func write(
        _ state: SubscriptionState, of tenant: TenantID, version: Int64, at now: Date, source: SyncCause.Source, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            update subscriptions set plan = \(state.plan), status = \(state.status), period_start = \(state.period.start),
                period_end = \(state.period.end), trial_ends_at = \(state.trialEndsAt), stripe_subscription = \(state.subscription),
                stripe_item = \(state.item), stripe_price = \(state.price), interval = \(state.interval), amount = \(state.amount),
                currency = \(state.currency), cancel_at = \(state.cancelAt), past_due_since = \(state.pastDueSince),
                stripe_schedule = \(state.schedule), scheduled_plan = \(state.scheduledPlan), scheduled_interval = \(state.scheduledInterval),
                scheduled_at = \(state.scheduledAt), cancel_requested_at = \(state.cancelRequestedAt), flags = \(state.flags),
                version = \(version), synced_at = \(now), sync_source = \(source), sync_version = sync_version + 1
            where tenant_id = \(tenant)
            """)
    }
}
