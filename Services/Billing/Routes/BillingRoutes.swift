import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives

/// What a tenant sees of its plan.
struct BillingRoutes {
    let database: Database
    let clock: WallClock

    private struct SubscriptionAnswer: Encodable {
        let plan: Plan
        let status: String
        let access: BillingRPC.Access
        let periodStart: Date
        let periodEnd: Date
        let trialEndsAt: Date?
        let asOf: Date
    }

    private struct UsageAnswer: Encodable {
        struct Period: Encodable {
            let start: Date
            let end: Date
        }
        struct Mails: Encodable {
            let used: Int64
            let reserved: Int64
            let limit: Int64
            let percent: Int
        }
        let period: Period
        let mails: Mails
        let asOf: Date
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/plans") { _, _ in
            let plans = try await PlanStore.all(in: database)
            return try Response.json(Page(plans, limit: max(1, plans.count)) { $0.code })
        }
        router.get("/api/v1/billing/subscription") { _, context in
            let (standing, now) = try await standing(context)
            return try Response.json(
                SubscriptionAnswer(
                    plan: standing.plan, status: standing.status, access: standing.access(now: now), periodStart: standing.period.start,
                    periodEnd: standing.period.end, trialEndsAt: standing.trialEndsAt, asOf: now))
        }
        router.get("/api/v1/billing/usage") { _, context in
            let (standing, now) = try await standing(context)
            let percent = standing.allowance == 0 ? 100 : Int((standing.used + standing.reserved) * 100 / standing.allowance)
            return try Response.json(
                UsageAnswer(
                    period: .init(start: standing.period.start, end: standing.period.end),
                    mails: .init(used: standing.used, reserved: standing.reserved, limit: standing.allowance, percent: percent), asOf: now))
        }
    }

    /// Billing is for owners and admins.
    private func standing(_ context: AppContext) async throws -> (Standing, Date) {
        let identity = try context.require(atLeast: .admin)
        let now = clock.now
        guard let standing = try await SubscriptionStore.standing(of: identity.tenant, now: now, in: database) else {
            throw Problem.unavailable()
        }
        return (standing, now)
    }
}
