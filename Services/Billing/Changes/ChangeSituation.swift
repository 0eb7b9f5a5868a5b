import Contracts
import Foundation
import HTTP

/// A subscription as Stripe has it at this moment, and the plan that somebody wants instead.
struct ChangeSituation: Sendable {
    /// The plan and interval that are asked for.
    struct Target: Codable, Sendable, Equatable {
        let plan: String
        let interval: BillingInterval
    }

    let live: StripeSubscription
    let item: StripeSubscription.Item
    let from: ChangeDirection.Place
    let target: Target
    let targetPlan: Plan
    let price: PlanPrice
    /// Stripe's price of the plan that is asked for.
    let stripePrice: String
    let direction: ChangeDirection
    let exceeds: [ExceededLimit]

    /// When it would hold.
    func effectiveAt(now: Date) -> Date {
        direction == .downgrade ? item.currentPeriodEnd ?? now : now
    }
}

/// Finds out what a change would be; refuses where there is none to be had.
struct ChangeExaminer: Sendable {
    let tenants: TenantStripe
    let catalogue: Catalogue

    /// The subscription at Stripe, by what the database knows; a 409 where there is none.
    func live(of tenant: TenantID) async throws -> (current: CurrentSubscription, subscription: String) {
        let current = try await tenants.current(tenant)
        guard let subscription = current.live else { throw Problem.noSubscription }
        return (current, subscription)
    }

    func read(_ subscription: String) async throws(StripeError) -> StripeSubscription {
        try await tenants.stripe.read(StripeSubscription.self, "/v1/subscriptions/\(subscription)")
    }

    func examine(
        _ target: ChangeSituation.Target, _ current: CurrentSubscription, _ subscription: String, of tenant: TenantID
    ) async throws -> ChangeSituation {
        let plan = try await catalogue.plan(target.plan)
        let live = try await read(subscription)
        try await check(live, of: tenant)
        let prices = try await PriceBook.read(in: tenants.worker)
        guard let item = live.item(in: prices) else { throw Problem.noSubscription }
        guard live.items.data.count == 1 else {
            throw Problem.conflict(
                kind: "several_items", title: "The subscription is of more than a plan.",
                detail: "Somebody made it so at Stripe by hand; whoever runs the installation changes it there.")
        }
        let known = prices.plan(of: item.price) ?? current.plan.code
        guard let ours = try await PlanStore.find(known, in: tenants.worker) else { throw Problem.unavailable() }
        let interval = item.price.recurring.flatMap { BillingInterval(rawValue: $0.interval) } ?? .month
        let from = ChangeDirection.Place(plan: ours.plan.code, position: ours.position, interval: interval)
        let (price, stripePrice) = try await catalogue.planPrice(target.plan, target.interval, item.price.currency.uppercased())
        let direction = ChangeDirection.of(from, to: .init(plan: target.plan, position: plan.position, interval: target.interval))
        // A schedule knows no trial: the one that runs would end with it, and be charged at once.
        guard direction != .downgrade || live.status != "trialing" else {
            throw Problem.conflict(
                kind: "trial_running", title: "The trial is not over.",
                detail: "Choose the smaller plan when it is, or end the subscription with it.")
        }
        let counts = try await UsageStore.resources(of: tenant, in: tenants.api)
        return ChangeSituation(
            live: live, item: item, from: from, target: target, targetPlan: plan.plan, price: price, stripePrice: stripePrice,
            direction: direction, exceeds: direction == .same ? [] : PlanLimits(plan.plan, current.grant).exceeded(by: counts))
    }

    /// Only what is paid and goes on can become another plan.
    private func check(_ live: StripeSubscription, of tenant: TenantID) async throws {
        switch live.status {
        case "active", "trialing": break
        case _ where live.hasEnded:
            // The database did not know.
            await tenants.refresh(tenant)
            throw Problem.noSubscription
        default: throw Problem.paymentDue
        }
        guard live.endsAt == nil else {
            throw Problem.conflict(
                kind: "cancellation_scheduled", title: "The subscription is about to end.",
                detail: "Keep it first, with POST /api/v1/billing/resume.")
        }
    }
}
