import Contracts
import Foundation
import HTTP
import Primitives

extension TenantStripe {
    /// The outcome, with the subscription read again from Stripe.
    func answer(_ outcome: ChangeAnswer.Outcome, _ action: PaymentAction?, for identity: Identity) async throws -> ChangeAnswer {
        await refresh(identity.tenant, by: identity.actor)
        return ChangeAnswer(
            outcome: outcome, clientSecret: action?.clientSecret, hostedUrl: action?.hostedUrl,
            subscription: SubscriptionAnswer(try await current(identity.tenant), now: clock.now))
    }

    /// Lets go of a planned change. A schedule is released once, so its id is all of the key.
    func release(_ schedule: String, of tenant: TenantID) async throws(StripeError) {
        _ = try await stripe.write(
            StripeSubscriptionSchedule.self, "/v1/subscription_schedules/\(schedule)/release", key: "schedule-release:\(schedule)", for: tenant)
    }

    /// An invoice with what a browser needs to confirm its payment.
    func invoiceWithSecret(_ invoice: String) async throws(StripeError) -> StripeInvoice {
        try await stripe.read(StripeInvoice.self, "/v1/invoices/\(invoice)", ["expand": ["confirmation_secret"]])
    }
}
