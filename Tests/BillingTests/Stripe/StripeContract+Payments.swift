import Foundation
import Testing

@testable import Billing

/// What costs money, and what is left.
extension StripeContract {
    // MARK: - Paying

    func invoice() async throws -> String {
        let id = "in_contract\(key().replacingOccurrences(of: "-", with: ""))"
        try await seed([
            "id": .text(id), "object": "invoice", "status": "open", "amount_due": 4_900, "customer": .text(try await customer().id),
            "confirmation_secret": ["client_secret": "pi_contract_secret", "type": "payment_intent"],
        ])
        return id
    }

    func invoices(_ operation: StripeOperation) async throws {
        switch operation {
        case .previewInvoice:
            let subscription = try await subscription()
            let item: StripeValue = ["id": .text(subscription.items.data[0].id), "price": .text(try await price().id)]
            let details: StripeValue = [
                "items": [item], "proration_behavior": "always_invoice", "proration_date": .integer(Int64(Date().timeIntervalSince1970)),
            ]
            _ = try await write(
                StripeInvoice.self, "/v1/invoices/create_preview",
                ["subscription": .text(subscription.id), "subscription_details": details])
        case .readInvoice:
            let id = try await invoice()
            let read = try await client.read(StripeInvoice.self, "/v1/invoices/\(id)", ["expand": ["confirmation_secret"]])
            #expect(read.id == id && read.amountDue == 4_900 && read.confirmationSecret?.clientSecret != nil)
        case .listInvoices:
            let id = try await invoice()
            let customer = try await client.read(StripeInvoice.self, "/v1/invoices/\(id)").customer ?? ""
            let list = try await client.read(
                StripeList<StripeInvoice>.self, "/v1/invoices", ["customer": .text(customer), "status": "open", "limit": 25])
            #expect(list.data.map(\.id) == [id] && !list.hasMore)
        default:
            #expect(try await write(StripeInvoice.self, "/v1/invoices/\(try await invoice())/pay").status == "paid")
        }
    }

    func payment(_ extra: StripeParameters = [:], account: String? = nil) async throws -> StripePaymentIntent {
        let parameters: StripeParameters = [
            "amount": 1_000, "currency": "usd", "automatic_payment_methods": ["enabled": true], "metadata": metadata,
            "description": "10,000 mails",
        ]
        return try await write(StripePaymentIntent.self, "/v1/payment_intents", parameters.merging(extra) { $1 }, account: account)
    }

    func payments(_ operation: StripeOperation) async throws {
        switch operation {
        case .createPaymentIntent:
            let payment = try await payment(["customer": .text(try await customer().id)])
            #expect(payment.amount == 1_000 && payment.clientSecret != nil)
            let account = try await account()
            _ = try await self.payment(["application_fee_amount": 100], account: account.id)
        case .readPaymentIntent: _ = try await client.read(StripePaymentIntent.self, "/v1/payment_intents/\(try await payment().id)")
        case .listPaymentIntents: _ = try await client.read(StripeList<StripePaymentIntent>.self, "/v1/payment_intents", page)
        case .cancelPaymentIntent:
            let path = "/v1/payment_intents/\(try await payment().id)/cancel"
            #expect(try await write(StripePaymentIntent.self, path, ["cancellation_reason": "abandoned"]).status == "canceled")
        case .readCharge, .listCharges:
            let charge = "ch_contract\(key().replacingOccurrences(of: "-", with: ""))"
            try await seed(["id": .text(charge), "object": "charge", "amount": 1_000])
            #expect(try await client.read(StripeCharge.self, "/v1/charges/\(charge)").amount == 1_000)
            _ = try await client.read(StripeList<StripeCharge>.self, "/v1/charges", ["customer": .text(try await customer().id), "limit": 25])
        case .readDispute:
            try await seed(["id": "dp_contract", "object": "dispute", "amount": 1_000])
            #expect(try await client.read(StripeDispute.self, "/v1/disputes/dp_contract").amount == 1_000)
        default:
            let intent = try await write(
                StripeSetupIntent.self, "/v1/setup_intents",
                [
                    "customer": .text(try await customer().id), "usage": "off_session", "automatic_payment_methods": ["enabled": true],
                    "metadata": metadata,
                ])
            #expect(try await client.read(StripeSetupIntent.self, "/v1/setup_intents/\(intent.id)").clientSecret == intent.clientSecret)
        }
    }

    // MARK: - Everything else

    func account() async throws -> StripeAccount {
        try await write(
            StripeAccount.self, "/v1/accounts",
            [
                "country": "DE", "metadata": metadata,
                "controller": [
                    "fees": ["payer": "account"], "losses": ["payments": "stripe"], "requirement_collection": "stripe",
                    "stripe_dashboard": ["type": "full"],
                ],
                "capabilities": ["card_payments": ["requested": true], "transfers": ["requested": true]],
            ])
    }

    func others(_ operation: StripeOperation) async throws {
        switch operation {
        case .createPortalSession:
            let session = try await write(
                StripePortalSession.self, "/v1/billing_portal/sessions",
                ["customer": .text(try await customer().id), "return_url": "https://app.example.com/billing"])
            #expect(session.url.hasPrefix("http"))
        case .readEvent, .listEvents:
            let id = "evt_contract\(key().replacingOccurrences(of: "-", with: ""))"
            try await seed([
                "id": .text(id), "object": "event", "type": "customer.updated", "api_version": .text(StripeClient.apiVersion), "livemode": false,
                "created": .integer(Int64(Date().timeIntervalSince1970)), "data": ["object": ["id": "cus_1", "object": "customer"]],
            ])
            let event = try await client.read(StripeEvent.self, "/v1/events/\(id)")
            #expect(event.type == "customer.updated" && event.data.object.id == "cus_1" && event.account == nil)
            let query: StripeParameters = [
                "types": ["customer.updated", "invoice.paid"], "delivery_success": false, "limit": 100,
                "created": ["gte": .integer(Int64(Date().timeIntervalSince1970) - 3_600)],
            ]
            #expect(try await client.read(StripeList<StripeEvent>.self, "/v1/events", query).data.contains { $0.id == id })
        default:
            let account = try await account()
            #expect(try await client.read(StripeAccount.self, "/v1/accounts/\(account.id)").id == account.id)
            let link = try await write(
                StripeAccountLink.self, "/v1/account_links",
                [
                    "account": .text(account.id), "type": "account_onboarding", "return_url": "https://app.example.com/connect",
                    "refresh_url": "https://app.example.com/connect/again",
                ])
            #expect(link.url.hasPrefix("http"))
        }
    }
}
