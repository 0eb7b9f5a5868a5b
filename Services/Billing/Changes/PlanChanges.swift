import Contracts
import Foundation
import HTTP
import Primitives

/// Changing the plan: shown first, then done at once where it is more, at the period's end where it is less.
struct PlanChanges: Sendable {
    let tenants: TenantStripe
    let examiner: ChangeExaminer
    let keyring: Keyring

    // MARK: - Preview

    func preview(_ target: ChangeSituation.Target, for identity: Identity) async throws -> ChangePreview {
        let (current, subscription) = try await examiner.live(of: identity.tenant)
        let situation = try await examiner.examine(target, current, subscription, of: identity.tenant)
        let now = tenants.clock.now
        guard situation.direction == .upgrade else {
            return ChangePreview(
                plan: target.plan, interval: target.interval, direction: situation.direction,
                amountDueNow: MoneyAnswer(Money(amount: 0, currency: situation.price.money.currency)), price: MoneyAnswer(situation.price.money),
                effectiveAt: situation.effectiveAt(now: now), exceeds: situation.exceeds, previewToken: nil, validUntil: nil)
        }
        let second = Self.second(now, situation.item)
        let parameters = ChangeParameters.preview(
            customer: situation.live.customer, subscription: subscription, item: situation.item.id, price: situation.stripePrice, at: second)
        let invoice = try await tenants.stripe.write(
            StripeInvoice.self, "/v1/invoices/create_preview", parameters, key: "preview:\(situation.item.id):\(situation.stripePrice):\(second)",
            for: identity.tenant)
        let token = PreviewToken(subscription: subscription, plan: target.plan, interval: target.interval, prorationDate: second)
        return ChangePreview(
            plan: target.plan, interval: target.interval, direction: .upgrade,
            amountDueNow: MoneyAnswer(Money(amount: invoice.amountDue, currency: invoice.currency)), price: MoneyAnswer(situation.price.money),
            effectiveAt: now, exceeds: situation.exceeds, previewToken: try token.sealed(for: identity.tenant, keyring),
            validUntil: Date(timeIntervalSince1970: Double(second)) + PreviewToken.lifetime)
    }

    /// The second that a price is reckoned for: of whole minutes, so that looking twice asks once, and never before the period.
    private static func second(_ now: Date, _ item: StripeSubscription.Item) -> Int64 {
        let minute = now.stripeSeconds / 60 * 60
        return max(minute, item.currentPeriodStart?.stripeSeconds ?? minute)
    }

    // MARK: - Change

    func change(
        _ target: ChangeSituation.Target, token: String?, by identity: Identity, audit: TenantStripe.Audit
    ) async throws -> ChangeAnswer {
        let tenant = identity.tenant
        let (current, subscription) = try await examiner.live(of: tenant)
        let previewed = try token.map { try opened($0, for: target, subscription, of: tenant) }
        typealias Done = (outcome: ChangeAnswer.Outcome, action: PaymentAction?, from: ChangeDirection.Place)
        let done = try await tenants.attempts.once("subscription:\(subscription)", of: tenant) { key -> Done in
            let situation = try await examiner.examine(target, current, subscription, of: tenant)
            switch situation.direction {
            case .same: return (.unchanged, nil, situation.from)
            case .upgrade:
                if let second = previewed?.prorationDate, let start = situation.item.currentPeriodStart, second < start.stripeSeconds {
                    throw Problem.previewExpired
                }
                let action = try await upgrade(situation, previewed?.prorationDate, key: key, of: tenant)
                return (action == nil ? .changed : .requiresAction, action, situation.from)
            case .downgrade:
                guard situation.exceeds.isEmpty else { throw Problem.overLimits(situation.exceeds) }
                try await schedule(situation, key: key, of: tenant)
                return (.scheduled, nil, situation.from)
            }
        }
        guard done.outcome != .unchanged else { return try await tenants.answer(.unchanged, nil, for: identity) }
        let record = audit(
            "billing.change", .success, [.init(type: "subscription", id: subscription)],
            [
                .init(path: "plan", before: done.from.plan, after: target.plan),
                .init(path: "interval", before: done.from.interval.rawValue, after: target.interval.rawValue),
            ], ["outcome": done.outcome.rawValue])
        try await tenants.tell(BillingEvents.PlanChangeRequested(plan: target.plan, interval: target.interval.rawValue), by: identity, record)
        return try await tenants.answer(done.outcome, done.action, for: identity)
    }

    /// Drops what is planned for later; the subscription goes on as it is.
    func dropScheduled(by identity: Identity, audit: TenantStripe.Audit) async throws -> ChangeAnswer {
        let tenant = identity.tenant
        let (_, subscription) = try await examiner.live(of: tenant)
        let wasPlanned = try await tenants.attempts.once("subscription:\(subscription)", of: tenant) { _ in
            guard let schedule = try await examiner.read(subscription).schedule else { return false }
            try await tenants.release(schedule, of: tenant)
            return true
        }
        guard wasPlanned else {
            await tenants.refresh(tenant)
            throw Problem.conflict(kind: "nothing_scheduled", title: "No change is planned.")
        }
        let record = audit("billing.change", .success, [.init(type: "subscription", id: subscription)], [], ["outcome": "dropped"])
        try await tenants.tell(BillingEvents.PlannedChangeDropped(), by: identity, record)
        return try await tenants.answer(.changed, nil, for: identity)
    }

    /// Nil when it is done; what is left to do for the payment otherwise.
    private func upgrade(
        _ situation: ChangeSituation, _ second: Int64?, key: String, of tenant: TenantID
    ) async throws -> PaymentAction? {
        // What was planned for later would undo it.
        if let schedule = situation.live.schedule { try await tenants.release(schedule, of: tenant) }
        let updated = try await tenants.stripe.write(
            StripeSubscription.self, "/v1/subscriptions/\(situation.live.id)",
            ChangeParameters.upgrade(item: situation.item.id, price: situation.stripePrice, at: second),
            // Reckoned for another second, it costs something else.
            key: "\(key):\(situation.target.plan):\(situation.target.interval.rawValue)" + (second.map { ":\($0)" } ?? ""), for: tenant)
        if updated.items.data.contains(where: { $0.price.id == situation.stripePrice }) { return nil }
        guard let invoice = updated.latestInvoice else { return nil }
        return PaymentAction(try await tenants.invoiceWithSecret(invoice))
    }

    private func schedule(_ situation: ChangeSituation, key: String, of tenant: TenantID) async throws {
        let asked = "\(key):\(situation.target.plan):\(situation.target.interval.rawValue)"
        let schedule =
            if let known = situation.live.schedule {
                try await tenants.stripe.read(StripeSubscriptionSchedule.self, "/v1/subscription_schedules/\(known)")
            } else {
                try await tenants.stripe.write(
                    StripeSubscriptionSchedule.self, "/v1/subscription_schedules", ["from_subscription": .text(situation.live.id)],
                    key: "\(asked):schedule", for: tenant)
            }
        guard let start = schedule.currentPhase?.startDate ?? situation.item.currentPeriodStart, let end = situation.item.currentPeriodEnd else {
            throw Problem.unavailable()
        }
        let downgrade = ChangeParameters.Downgrade(
            from: situation.item.price.id, quantity: situation.item.quantity ?? 1, to: situation.stripePrice, interval: situation.target.interval,
            start: start, end: end, metadata: [("plan", .text(situation.target.plan)), ("tenant", .text(tenant.description))])
        _ = try await tenants.stripe.write(
            StripeSubscriptionSchedule.self, "/v1/subscription_schedules/\(schedule.id)", downgrade.parameters, key: "\(asked):phases",
            for: tenant)
    }

    private func opened(
        _ text: String, for target: ChangeSituation.Target, _ subscription: String, of tenant: TenantID
    ) throws(Problem) -> PreviewToken {
        guard let token = PreviewToken.open(text, for: tenant, keyring) else {
            throw Problem.invalid("preview_token must be one that a preview gave.", field: "preview_token")
        }
        guard token.plan == target.plan, token.interval == target.interval, token.subscription == subscription else {
            throw Problem.unprocessable(kind: "preview_mismatch", title: "The preview was of another change.", detail: "Preview this one first.")
        }
        guard token.isFresh(at: tenants.clock.now) else {
            throw Problem.previewExpired
        }
        return token
    }
}

extension Problem {
    /// 409: what was shown is not what it would cost any more.
    static let previewExpired = Problem.conflict(
        kind: "preview_expired", title: "The preview is too old.", detail: "Preview the change again.")

    /// 422: the plan allows less than there is, with what and by how much.
    static func overLimits(_ exceeded: [ExceededLimit]) -> Problem {
        .unprocessable(
            kind: "over_limits", title: "The company has more than the plan allows.", detail: "Remove what is too much, then change the plan.",
            extensions: [
                "exceeds": .list(
                    exceeded.map { .object(["limit": .text($0.limit), "used": .number(Int($0.used)), "allowed": .number(Int($0.allowed))]) })
            ])
    }
}
