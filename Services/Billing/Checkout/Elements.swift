import Contracts
import Foundation
import HTTP
import Primitives

/// What a browser needs to take a payment, or a way of payment, in our own page by Stripe's elements.
struct ElementsAnswer: Encodable, Sendable, Equatable {
    let id: String
    let clientSecret: String?
    /// What will be taken; nil where nothing is.
    let amount: MoneyAnswer?
}

/// Intents for Stripe's elements.
struct Elements: Sendable {
    let tenants: TenantStripe
    let catalogue: Catalogue
    let customers: Customers

    /// Keeps a way of payment for later.
    func setup(by identity: Identity, audit: TenantStripe.Audit) async throws -> ElementsAnswer {
        let tenant = identity.tenant
        let customer = try await customers.require(tenant)
        let intent = try await tenants.attempts.once("elements-setup", of: tenant) { key in
            try await tenants.stripe.write(
                StripeSetupIntent.self, "/v1/setup_intents",
                [
                    "customer": .text(customer), "usage": "off_session", "automatic_payment_methods": ["enabled": true],
                    "metadata": ["tenant": .text(tenant.description)],
                ], key: key, for: tenant)
        }
        let record = audit("billing.setup_intent", .success, [.init(type: "setup_intent", id: intent.id)], [], [:])
        try await tenants.tell(BillingEvents.IntentOpened(intent: intent.id), by: identity, record)
        return ElementsAnswer(id: intent.id, clientSecret: intent.clientSecret, amount: nil)
    }

    /// Pays a pack; it costs what Stripe's price of it says.
    func payment(for pack: MailPack, by identity: Identity, audit: TenantStripe.Audit) async throws -> ElementsAnswer {
        let tenant = identity.tenant
        guard try await tenants.current(tenant).mayBuyMails else { throw Problem.noRunningPlan }
        let stripePrice = try await catalogue.price(ofPack: pack.code)
        let price = try await tenants.stripe.read(StripePrice.self, "/v1/prices/\(stripePrice)")
        guard let money = price.money else { throw Problem.priceNotConfigured }
        let customer = try await customers.require(tenant)
        let intent = try await tenants.attempts.once("elements-payment:\(pack.code)", of: tenant) { key in
            try await tenants.stripe.write(
                StripePaymentIntent.self, "/v1/payment_intents",
                [
                    "amount": .integer(money.amount), "currency": .text(money.currency.lowercased()), "customer": .text(customer),
                    "automatic_payment_methods": ["enabled": true],
                    "metadata": ["tenant": .text(tenant.description), "pack": .text(pack.code), "purpose": "mail_pack"],
                ], key: key, for: tenant)
        }
        let record = audit("billing.payment_intent", .success, [.init(type: "payment_intent", id: intent.id)], [], ["pack": pack.code])
        try await tenants.tell(BillingEvents.IntentOpened(intent: intent.id), by: identity, record)
        return ElementsAnswer(
            id: intent.id, clientSecret: intent.clientSecret, amount: MoneyAnswer(Money(amount: intent.amount, currency: intent.currency)))
    }
}

extension Problem {
    /// 409: extra mails are good for a period, and none runs.
    static let noRunningPlan = Problem.conflict(
        kind: "no_subscription", title: "Mails can be bought for a plan that runs.", detail: "Choose a plan first.")
}
