import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("The company as Stripe's customer")
struct CustomerTests {
    @Test("a customer that is found only now, and has a subscription, gets no second one; one that was deleted is none")
    func foundCustomer() async throws {
        let ground = try await StripeGround.priced()
        // Made more than a day ago, and its answer lost.
        try await ground.worker.query("insert into stripe_attempts (tenant_id, purpose, number) values (\(ground.tenant), 'customer', 2)")
        let named: DoubleJSON = ["object": "customer", "metadata": ["tenant": .text(ground.tenant.description)]]
        ground.stripe.set(named.merged(with: ["id": .text(StripeGround.customer)]))
        // Stripe's index still knows it, and finds it first.
        ground.stripe.set(named.merged(with: ["id": "cus_gone", "deleted": true]))
        _ = try ground.stripe.subscribe(customer: StripeGround.customer, price: "price_pro")
        #expect(try await ground.send(.post, "/api/v1/billing/checkout", #"{"plan":"starter","interval":"month"}"#).kind == "already_subscribed")
        #expect(ground.stripe.calls("POST /v1/checkout/sessions").isEmpty)
    }

    @Test("a customer whose answer was lost more than a day ago is looked for before another is made")
    func lostCustomer() async throws {
        let ground = try await StripeGround.priced()
        ground.stripe.fail("POST /v1/customers", .reset, after: true, times: 10)
        #expect(try await ground.send(.post, "/api/v1/billing/portal").status == 503)
        let made = try #require(ground.stripe.object(try await customer(of: ground)))
        ground.stripe.recover()
        ground.advance(30 * 3_600)
        let before = ground.stripe.calls("POST /v1/customers").count
        #expect(try await ground.send(.post, "/api/v1/billing/portal").status == 200)
        #expect(ground.stripe.calls("POST /v1/customers").count == before)
        let known: String = try await ground.worker.query("select customer from stripe_customers where tenant_id = \(ground.tenant)")[0]
            .decode("customer")
        #expect(made["id"].string == known)
    }

    /// The one that the double made, though nobody heard of it: asked for once more under its key.
    private func customer(of ground: StripeGround) async throws -> String {
        ground.stripe.recover()
        ground.advance(60)
        let key = try #require(ground.stripe.calls("POST /v1/customers").first?.key)
        let own = key.dropFirst(ground.tenant.description.count + 1)
        let found = try await ground.fixture.service.stripe.write(
            StripeCustomer.self, "/v1/customers", [:], key: String(own), for: ground.tenant)
        return found.id
    }
}
