import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives

/// What a tenant sees of its plan, from the database alone: also while Stripe is away.
struct BillingRoutes {
    let database: Database
    let clock: WallClock
    let publishableKey: String
    let isConfigured: Bool

    private struct ConfigAnswer: Encodable {
        /// For Stripe's elements in a browser; empty where nothing can be bought.
        let publishableKey: String
        let isConfigured: Bool
        let currencies: [String]
        let packs: [PackAnswer]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/plans") { _, _ in
            try Response.json(
                CatalogueAnswer(
                    plans: try await PlanStore.offered(in: database), prices: try await PriceStore.all(in: database),
                    packs: try await PriceStore.packs(in: database)))
        }
        router.get("/api/v1/billing/config") { _, context in
            _ = try context.requireBilling()
            return try Response.json(
                ConfigAnswer(
                    publishableKey: publishableKey, isConfigured: isConfigured, currencies: try await PriceStore.currencies(in: database),
                    packs: try await PriceStore.packs(in: database).map(PackAnswer.init)))
        }
        router.get("/api/v1/billing/subscription") { _, context in
            let identity = try context.requireBilling()
            let now = clock.now
            guard let current = try await CurrentSubscriptionStore.find(identity.tenant, now: now, in: database) else { throw Problem.unavailable() }
            return try Response.json(SubscriptionAnswer(current, now: now))
        }
        router.get("/api/v1/billing/usage") { _, context in
            let identity = try context.requireBilling()
            let now = clock.now
            guard let standing = try await SubscriptionStore.standing(of: identity.tenant, now: now, in: database) else {
                throw Problem.unavailable()
            }
            return try Response.json(
                UsageAnswer(
                    standing, resources: try await UsageStore.resources(of: identity.tenant, in: database),
                    packs: try await UsageStore.packs(of: identity.tenant, in: standing.period, in: database), now: now))
        }
    }
}
