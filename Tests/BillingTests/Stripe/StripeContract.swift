import Contracts
import Foundation
import Primitives
import Testing

@testable import Billing

/// A Stripe to try operations on: our own double, or the one that asks Stripe's specification.
struct StripeContract: Sendable {
    let client: StripeClient
    /// Makes an object that no operation of ours makes.
    let seed: @Sendable (DoubleJSON) async throws -> Void
    let tenant = TenantID(.v7(at: Date()))

    /// Does the operation as Billing does it; throws what Stripe says against it.
    func exercise(_ operation: StripeOperation) async throws {
        switch operation {
        case .createProduct, .readProduct, .updateProduct, .listProducts, .createPrice, .readPrice, .updatePrice, .listPrices:
            try await catalogue(operation)
        case .createCustomer, .readCustomer, .updateCustomer, .listCustomers, .searchCustomers: try await customers(operation)
        case .createCheckoutSession, .readCheckoutSession, .listCheckoutSessions, .expireCheckoutSession: try await checkout(operation)
        case .readSubscription, .listSubscriptions, .updateSubscription, .cancelSubscription: try await subscriptions(operation)
        case .createSchedule, .readSchedule, .updateSchedule, .releaseSchedule: try await schedules(operation)
        case .previewInvoice, .readInvoice, .listInvoices, .payInvoice: try await invoices(operation)
        case .createPaymentIntent, .readPaymentIntent, .listPaymentIntents, .cancelPaymentIntent, .createSetupIntent, .readSetupIntent, .readCharge,
            .listCharges, .readDispute:
            try await payments(operation)
        case .createPortalSession, .createAccount, .readAccount, .createAccountLink, .readEvent, .listEvents: try await others(operation)
        }
    }

    func key() -> String { UUID().uuidString }

    func write<Object: Decodable & Sendable>(
        _ type: Object.Type, _ path: String, _ parameters: StripeParameters = [:], account: String? = nil
    ) async throws(StripeError) -> Object {
        try await client.write(type, path, parameters, key: key(), for: tenant, account: account)
    }

    var metadata: StripeValue { ["tenant": .text(tenant.description)] }
    let page: StripeParameters = ["limit": 100]

    // MARK: - What is sold

    func product() async throws -> StripeProduct {
        try await write(StripeProduct.self, "/v1/products", ["name": "Professional", "metadata": ["plan": "professional"]])
    }

    func price(recurring: Bool = true) async throws -> StripePrice {
        var parameters: StripeParameters = [
            "product": .text(try await product().id), "currency": "usd", "unit_amount": 14_900, "lookup_key": .text(key()),
            "metadata": ["plan": "professional"],
        ]
        if recurring { parameters["recurring"] = ["interval": "month"] }
        return try await write(StripePrice.self, "/v1/prices", parameters)
    }

    func catalogue(_ operation: StripeOperation) async throws {
        switch operation {
        case .readProduct: _ = try await client.read(StripeProduct.self, "/v1/products/\(try await product().id)")
        case .updateProduct:
            let changed = try await write(StripeProduct.self, "/v1/products/\(try await product().id)", ["name": "Pro", "active": false])
            #expect(changed.name == "Pro" && changed.active == false)
        case .listProducts:
            let id = try await product().id
            let list = try await client.read(StripeList<StripeProduct>.self, "/v1/products", ["active": true, "limit": 100])
            #expect(list.data.contains { $0.id == id })
        case .createPrice:
            let price = try await price()
            #expect(price.money == Money(amount: 14_900, currency: "USD") && price.recurring?.interval == "month")
        case .readPrice: _ = try await client.read(StripePrice.self, "/v1/prices/\(try await price().id)")
        case .updatePrice: _ = try await write(StripePrice.self, "/v1/prices/\(try await price().id)", ["active": false, "metadata": metadata])
        case .listPrices:
            let price = try await price()
            let query: StripeParameters = ["product": .text(price.product ?? ""), "active": true, "limit": 100]
            #expect(try await client.read(StripeList<StripePrice>.self, "/v1/prices", query).data.map(\.id) == [price.id])
        default: #expect(try await product().id.hasPrefix("prod_"))
        }
    }

    func customer() async throws -> StripeCustomer {
        try await write(StripeCustomer.self, "/v1/customers", ["metadata": metadata])
    }

    func customers(_ operation: StripeOperation) async throws {
        let customer = try await customer()
        #expect(customer.id.hasPrefix("cus_") && customer.metadata?["tenant"] == tenant.description)
        switch operation {
        case .readCustomer: #expect(try await client.read(StripeCustomer.self, "/v1/customers/\(customer.id)").id == customer.id)
        case .updateCustomer:
            let changed = try await write(StripeCustomer.self, "/v1/customers/\(customer.id)", ["name": "Acme", "email": "ada@example.com"])
            #expect(changed.name == "Acme" && changed.email == "ada@example.com")
            _ = try await write(
                StripeCustomer.self, "/v1/customers/\(customer.id)", ["invoice_settings": ["default_payment_method": "pm_card_visa"]])
        case .listCustomers:
            let list = try await client.read(StripeList<StripeCustomer>.self, "/v1/customers", ["email": "nobody@example.com", "limit": 1])
            #expect(list.data.isEmpty)
        case .searchCustomers:
            // The mock's index lags by a minute, as Stripe's does: that it is asked well is all that can be said.
            let query: StripeParameters = ["query": .text("metadata['tenant']:'\(tenant)'"), "limit": 1]
            _ = try await client.read(StripeList<StripeCustomer>.self, "/v1/customers/search", query)
        default: break
        }
    }

    // MARK: - Buying

    func session(elements: Bool = false) async throws -> StripeCheckoutSession {
        var parameters: StripeParameters = [
            "mode": "subscription", "customer": .text(try await customer().id), "client_reference_id": .text(tenant.description),
            "line_items": [["price": .text(try await price().id), "quantity": 1]], "metadata": metadata,
            "subscription_data": ["metadata": metadata],
        ]
        if elements {
            parameters["ui_mode"] = "elements"
            parameters["return_url"] = "https://app.example.com/billing?session={CHECKOUT_SESSION_ID}"
        } else {
            parameters["ui_mode"] = "hosted_page"
            parameters["success_url"] = "https://app.example.com/billing?session={CHECKOUT_SESSION_ID}"
            parameters["cancel_url"] = "https://app.example.com/billing"
        }
        return try await write(StripeCheckoutSession.self, "/v1/checkout/sessions", parameters)
    }

    func checkout(_ operation: StripeOperation) async throws {
        let session = try await session()
        #expect(session.status == "open" && session.paymentStatus == "unpaid" && session.metadata?["tenant"] == tenant.description)
        let path = "/v1/checkout/sessions/\(session.id)"
        switch operation {
        case .readCheckoutSession: #expect(try await client.read(StripeCheckoutSession.self, path).id == session.id)
        case .listCheckoutSessions:
            let query: StripeParameters = ["customer": .text(session.customer ?? ""), "status": "open", "limit": 10]
            #expect(try await client.read(StripeList<StripeCheckoutSession>.self, "/v1/checkout/sessions", query).data.map(\.id) == [session.id])
        case .expireCheckoutSession: #expect(try await write(StripeCheckoutSession.self, "\(path)/expire").status == "expired")
        default:
            _ = try await self.session(elements: true)
            let pack = try await write(
                StripeCheckoutSession.self, "/v1/checkout/sessions",
                [
                    "mode": "payment", "customer": .text(session.customer ?? ""), "success_url": "https://app.example.com/billing",
                    "line_items": [["price": .text(try await price(recurring: false).id), "quantity": 1]],
                    "payment_intent_data": ["metadata": metadata], "expires_at": .integer(Int64(Date().timeIntervalSince1970) + 3_600),
                ])
            #expect(pack.mode == "payment")
        }
    }

    func subscription() async throws -> StripeSubscription {
        let (customer, price) = (try await customer().id, try await price().id)
        let id = "sub_contract\(key().replacingOccurrences(of: "-", with: ""))"
        let now = Int64(Date().timeIntervalSince1970)
        let item: DoubleJSON = [
            "id": "si_\(id)", "object": "subscription_item", "quantity": 1, "current_period_start": .integer(now),
            "current_period_end": .integer(now + 2_592_000), "subscription": .text(id),
            "price": [
                "id": .text(price), "object": "price", "currency": "usd", "unit_amount": 14_900, "active": true, "product": "prod_x",
                "recurring": ["interval": "month", "interval_count": 1],
            ],
        ]
        try await seed([
            "id": .text(id), "object": "subscription", "customer": .text(customer), "status": "active", "schedule": .null,
            "items": ["object": "list", "data": [item], "has_more": false], "cancel_at": .null, "cancel_at_period_end": false,
        ])
        return try await client.read(StripeSubscription.self, "/v1/subscriptions/\(id)")
    }

    func subscriptions(_ operation: StripeOperation) async throws {
        let subscription = try await subscription()
        #expect(subscription.items.data.first?.currentPeriodEnd != nil && subscription.status == "active")
        let path = "/v1/subscriptions/\(subscription.id)"
        switch operation {
        case .listSubscriptions:
            for query in [["status": "all", "limit": 100], ["status": "all", "customer": .text(subscription.customer ?? "")]] as [StripeParameters] {
                let list = try await client.read(StripeList<StripeSubscription>.self, "/v1/subscriptions", query)
                #expect(list.data.contains { $0.id == subscription.id })
            }
        case .updateSubscription:
            let price = try await price()
            let upgraded = try await write(
                StripeSubscription.self, path,
                [
                    "items": [["id": .text(subscription.items.data[0].id), "price": .text(price.id)]], "proration_behavior": "always_invoice",
                    "payment_behavior": "pending_if_incomplete", "proration_date": .integer(Int64(Date().timeIntervalSince1970)),
                ])
            #expect(upgraded.items.data.map(\.price.id) == [price.id])
            _ = try await write(
                StripeSubscription.self, path, ["cancel_at_period_end": true, "cancellation_details": ["feedback": "too_expensive"]])
            _ = try await write(StripeSubscription.self, path, ["cancel_at_period_end": false])
            #expect(try await write(StripeSubscription.self, path, ["cancel_at": ""]).cancelAt == nil)
        case .cancelSubscription:
            let cancelled = try await client.delete(
                StripeSubscription.self, path, ["invoice_now": false, "prorate": false], key: key(), for: tenant)
            #expect(cancelled.status == "canceled" && cancelled.canceledAt != nil)
        default: #expect(subscription.id.hasPrefix("sub_"))
        }
    }

    func schedules(_ operation: StripeOperation) async throws {
        let subscription = try await subscription()
        let schedule = try await write(
            StripeSubscriptionSchedule.self, "/v1/subscription_schedules", ["from_subscription": .text(subscription.id)])
        let path = "/v1/subscription_schedules/\(schedule.id)"
        switch operation {
        case .readSchedule: #expect(try await client.read(StripeSubscriptionSchedule.self, path).id == schedule.id)
        case .updateSchedule:
            let (now, end) = (Int64(Date().timeIntervalSince1970), Int64(Date().timeIntervalSince1970) + 2_592_000)
            let (from, target) = (try await price().id, try await price().id)
            let phases: StripeValue = [
                [
                    "items": [["price": .text(from), "quantity": 1]], "start_date": .integer(now), "end_date": .integer(end),
                    "proration_behavior": "none",
                ],
                [
                    "items": [["price": .text(target), "quantity": 1]], "duration": ["interval": "month", "interval_count": 1],
                    "proration_behavior": "none", "metadata": metadata,
                ],
            ]
            _ = try await write(
                StripeSubscriptionSchedule.self, path,
                ["end_behavior": "release", "proration_behavior": "none", "metadata": metadata, "phases": phases])
        case .releaseSchedule: _ = try await write(StripeSubscriptionSchedule.self, "\(path)/release", ["preserve_cancel_date": false])
        default: #expect(schedule.id.hasPrefix("sub_"))
        }
    }
}
