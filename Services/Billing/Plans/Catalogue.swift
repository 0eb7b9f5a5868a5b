import Contracts
import HTTP
import Postgres

/// What can be bought, found by our own names: neither an amount nor a price of Stripe's is ever taken from a request.
struct Catalogue: Sendable {
    let database: Database

    /// A plan that is offered to everybody, or a 400.
    func plan(_ code: String) async throws -> RankedPlan {
        guard let found = try await PlanStore.find(code, in: database), found.isPublic else {
            throw Problem.invalid("plan must be the code of a plan of GET /api/v1/plans.", field: "plan")
        }
        return found
    }

    func pack(_ code: String) async throws -> MailPack {
        guard let pack = try await PriceStore.pack(code, in: database) else {
            throw Problem.invalid("pack must be the code of a pack of GET /api/v1/plans.", field: "pack")
        }
        return pack
    }

    /// What a plan costs; a 422 when it is not sold so, a 503 when Stripe has no price for it yet.
    func planPrice(_ plan: String, _ interval: BillingInterval, _ currency: String) async throws -> (price: PlanPrice, stripePrice: String) {
        guard let price = try await PriceStore.find(plan, interval, currency, in: database) else {
            throw Problem.unprocessable(
                kind: "plan_not_sold", title: "The plan is not sold by the \(interval.rawValue) in \(currency).",
                detail: "GET /api/v1/plans has the prices; a plan without any is by agreement.")
        }
        guard let stripePrice = price.stripePrice else { throw Problem.priceNotConfigured }
        return (price, stripePrice)
    }

    /// Stripe's price of a plan.
    func price(of plan: String, _ interval: BillingInterval, _ currency: String) async throws -> String {
        try await planPrice(plan, interval, currency).stripePrice
    }

    /// Stripe's price of a pack.
    func price(ofPack code: String) async throws -> String {
        guard let price = try await pack(code).stripePrice else { throw Problem.priceNotConfigured }
        return price
    }
}
