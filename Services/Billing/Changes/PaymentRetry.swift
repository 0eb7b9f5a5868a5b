import Contracts
import Foundation
import HTTP
import Primitives

/// Paying what is open, by whoever does not want to wait for Stripe's next try.
struct PaymentRetry: Sendable {
    /// Stripe's words for a payment that its owner has to confirm.
    private static let wantsOwner: Set<String> = ["invoice_payment_intent_requires_action", "authentication_required"]

    let tenants: TenantStripe
    let examiner: ChangeExaminer
    let lists: StripeLists

    private enum Settlement: Sendable {
        case settled(StripeInvoice)
        case wantsOwner(PaymentAction)
        case declined(StripeError, hostedUrl: String?)
    }

    func retry(by identity: Identity, audit: TenantStripe.Audit) async throws -> ChangeAnswer {
        let tenant = identity.tenant
        let (current, subscription) = try await examiner.live(of: tenant)
        try await check(current, subscription, of: tenant)
        guard let invoice = try await openInvoice(of: subscription), let id = invoice.id else {
            await tenants.refresh(tenant)
            throw Problem.conflict(kind: "nothing_due", title: "No invoice is open.", detail: "There is nothing to pay.")
        }
        let result = try await pay(id, of: tenant)
        await lists.forget(tenant)
        let outcome: ChangeAnswer.Outcome
        var action: PaymentAction?
        switch result {
        case .settled(let paid): outcome = paid.status == "paid" ? .paid : .processing
        case .wantsOwner(let left):
            outcome = .requiresAction
            action = left
        case .declined(let error, let hostedUrl):
            let record = audit(
                "billing.payment_retry", .failure, [.init(type: "invoice", id: id)], [], ["reason": error.declineCode ?? error.code ?? "declined"])
            try await tenants.tell(BillingEvents.PaymentRetried(invoice: id, outcome: "declined"), by: identity, record)
            await tenants.refresh(tenant, by: identity.actor)
            var problem = Problem(error)
            problem.extensions["hosted_url"] = hostedUrl.map { ProblemValue.text($0) }
            throw problem
        }
        let record = audit("billing.payment_retry", .success, [.init(type: "invoice", id: id)], [], ["outcome": outcome.rawValue])
        try await tenants.tell(BillingEvents.PaymentRetried(invoice: id, outcome: outcome.rawValue), by: identity, record)
        return try await tenants.answer(outcome, action, for: identity)
    }

    /// Nobody pays for what has ended, or is about to be ended because it was not paid; what staff let go on beyond that day may be paid.
    private func check(_ current: CurrentSubscription, _ subscription: String, of tenant: TenantID) async throws {
        guard try await !examiner.read(subscription).hasEnded else {
            await tenants.refresh(tenant)
            throw Problem.noSubscription
        }
        let (now, facts) = (tenants.clock.now, current.facts)
        guard current.cancelRequestedAt == nil || facts.isCancelDue(at: now) && facts.maySend(at: now) else {
            throw Problem.conflict(
                kind: "cancellation_under_way", title: "The subscription is being ended, since it was not paid.",
                detail: "When it has ended, begin another with POST /api/v1/billing/checkout.")
        }
    }

    /// The latest one, as Stripe lists the newest first.
    private func openInvoice(of subscription: String) async throws(StripeError) -> StripeInvoice? {
        try await tenants.stripe.read(
            StripeList<StripeInvoice>.self, "/v1/invoices", ["subscription": .text(subscription), "status": "open", "limit": 1]
        ).data.first
    }

    private func pay(_ invoice: String, of tenant: TenantID) async throws -> Settlement {
        do {
            let paid = try await tenants.attempts.once("pay:\(invoice)", of: tenant) { key in
                try await tenants.stripe.write(StripeInvoice.self, "/v1/invoices/\(invoice)/pay", key: key, for: tenant)
            }
            return .settled(paid)
        } catch let error as StripeError {
            if error.isTransient { throw error }
            if Self.wantsOwner.contains(error.code ?? "") || Self.wantsOwner.contains(error.declineCode ?? "") {
                return .wantsOwner(PaymentAction(try await tenants.invoiceWithSecret(invoice)))
            }
            let now = try await tenants.stripe.read(StripeInvoice.self, "/v1/invoices/\(invoice)")
            // Somebody else, or Stripe itself, was faster.
            if now.status == "paid" { return .settled(now) }
            guard error.kind == .card else { throw error }
            return .declined(error, hostedUrl: now.hostedInvoiceUrl)
        }
    }
}
