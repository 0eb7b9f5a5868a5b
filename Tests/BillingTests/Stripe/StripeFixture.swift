import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport

@testable import Billing

/// A client of ours on a real database, before a double of Stripe.
struct StripeFixture: Sendable {
    let house: TestHouse
    let client: StripeClient
    let tenant = TenantID(.v7(at: Date()))

    /// `base` is that of a double or a mock; without one nothing is configured.
    static func make(base: String?, limits: StripeClient.Limits = .init()) async throws -> StripeFixture {
        let house = try await TestHouse.make(for: BillingService.self, configuration: base.map(configuration) ?? [:])
        let client = StripeClient(
            try StripeSettings(house.house.settings), database: house.house.worker, clock: house.clock.clock, logger: house.house.logger,
            limits: limits)
        return StripeFixture(house: house, client: client)
    }

    static func configuration(base: String) -> [String: String] {
        [
            "stripe.api.base": base, "stripe.secret.key": StripeDouble.secretKey, "stripe.publishable.key": StripeDouble.publishableKey,
            "stripe.webhook.secret": StripeDouble.webhookSecret, "stripe.connect.webhook.secret": StripeDouble.connectWebhookSecret,
        ]
    }

    func customer(_ parameters: StripeParameters = ["name": "Acme"], key: String = "customer") async throws(StripeError) -> StripeCustomer {
        try await client.write(StripeCustomer.self, "/v1/customers", parameters, key: key, for: tenant)
    }

    /// The error of what must fail.
    func failure(_ work: () async throws -> some Any) async -> StripeError? {
        do {
            _ = try await work()
            return nil
        } catch {
            // Any other error is none of the client's: the test that asks finds no failure.
            return error as? StripeError
        }
    }

    /// What stands under a key.
    func frozen(_ key: String) async throws -> (parameters: String, isAnswered: Bool)? {
        let rows = try await house.house.worker.query(
            """
            select method, parameters, answered_at is not null as is_answered from stripe_requests where tenant_id = \(tenant) and key = \(key)
            """)
        guard let row = rows.first else { return nil }
        return (try row.decode("parameters"), try row.decode("is_answered"))
    }
}
