import Contracts
import Foundation
import Postgres

/// Everything that billing knows of one company, for the operator's people.
struct TenantFinance: Encodable, Sendable {
    struct Subscription: Encodable, Sendable {
        let plan: String
        let status: String
        let access: BillingRPC.Access
        let periodStart: Date
        let periodEnd: Date
        let trialEndsAt: Date?
        let amount: Int64?
        let currency: String?
        let interval: String?
        let cancelAt: Date?
        let pastDueSince: Date?
        let scheduledPlan: String?
        let scheduledAt: Date?
        let stripeSubscription: String?
        let stripePrice: String?
        /// What wants somebody's eye, such as `duplicate_subscription`.
        let flags: [String]
        let syncedAt: Date?
        let syncSource: String?
    }

    let tenant: TenantID
    let stripeCustomer: String?
    let subscription: Subscription
    let usage: UsageAnswer
    let grants: [Grant]
    let connect: ConnectAnswer
    let asOf: Date
}

/// Gathers what is kept of one company.
enum TenantFinanceStore {
    /// Nil when nobody has told us of the company.
    static func read(_ tenant: TenantID, now: Date, in database: Database) async throws -> TenantFinance? {
        guard let standing = try await SubscriptionStore.standing(of: tenant, now: now, in: database),
            let row = try await database.query(as: tenant, select(tenant)).first
        else { return nil }
        let resources = try await UsageStore.resources(of: tenant, in: database)
        let packs = try await UsageStore.packs(of: tenant, in: standing.period, in: database)
        return TenantFinance(
            tenant: tenant, stripeCustomer: try row.decodeOptional("customer"), subscription: try subscription(row, standing, now: now),
            usage: UsageAnswer(standing, resources: resources, packs: packs, now: now),
            grants: try await GrantStore.list(of: tenant, in: database),
            connect: ConnectAnswer(try await ConnectStore.find(tenant, in: database), now: now), asOf: now)
    }

    private static func select(_ tenant: TenantID) -> SQL {
        """
        select c.customer, s.amount, s.currency, s.interval, s.cancel_at, s.past_due_since, s.scheduled_plan, s.scheduled_at, s.stripe_subscription,
               s.stripe_price, s.flags, s.synced_at, s.sync_source
        from subscriptions s left join stripe_customers c on c.tenant_id = s.tenant_id where s.tenant_id = \(tenant)
        """
    }

    private static func subscription(_ row: Row, _ standing: Standing, now: Date) throws -> TenantFinance.Subscription {
        TenantFinance.Subscription(
            plan: standing.plan.code, status: standing.status, access: standing.access(now: now), periodStart: standing.period.start,
            periodEnd: standing.period.end, trialEndsAt: standing.trialEndsAt, amount: try row.decodeOptional("amount"),
            currency: try row.decodeOptional("currency"), interval: try row.decodeOptional("interval"),
            cancelAt: try row.decodeOptional("cancel_at"), pastDueSince: try row.decodeOptional("past_due_since"),
            scheduledPlan: try row.decodeOptional("scheduled_plan"), scheduledAt: try row.decodeOptional("scheduled_at"),
            stripeSubscription: try row.decodeOptional("stripe_subscription"), stripePrice: try row.decodeOptional("stripe_price"),
            flags: try row.decode("flags"), syncedAt: try row.decodeOptional("synced_at"), syncSource: try row.decodeOptional("sync_source"))
    }
}
