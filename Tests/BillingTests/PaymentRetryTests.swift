import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("Paying what is open")
struct PaymentRetryTests {
    private static let path = "/api/v1/billing/retry-payment"

    /// Past due, with an open invoice; its id.
    private func unpaid() async throws -> (ground: StripeGround, invoice: String) {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        let invoice = try #require(ground.stripe.object(subscription)?["latest_invoice"].string)
        ground.stripe.set(["id": .text(invoice), "status": "open", "amount_remaining": 4_900, "amount_paid": 0])
        try await ground.fixture.service.sync.sync(ground.tenant, cause: SyncCause(source: .event))
        return (ground, invoice)
    }

    @Test("paid, access is whole again at once")
    func paid() async throws {
        let (ground, invoice) = try await unpaid()
        #expect(try await ground.subscription().at("access") == "grace")
        let answer = try await ground.send(.post, Self.path)
        #expect(answer.at("outcome") == "paid" && answer.at("subscription.access") == "full", "\(answer.body)")
        #expect(ground.stripe.object(invoice)?["status"].string == "paid")
        #expect(try await ground.trail("billing.payment_retry").compactMap { $0.audit?.outcome } == [.success])
    }

    @Test("what has ended, or is being ended, is not paid any more")
    func ending() async throws {
        let (ground, invoice) = try await unpaid()
        try await ground.worker.query("update subscriptions set cancel_requested_at = \(ground.now)")
        #expect(try await ground.send(.post, Self.path).kind == "cancellation_under_way")
        let subscription: String = try await ground.worker.query("select stripe_subscription from subscriptions")[0].decode("stripe_subscription")
        ground.stripe.set(["id": .text(subscription), "status": "canceled"])
        #expect(try await ground.send(.post, Self.path).kind == "no_subscription")
        #expect(ground.stripe.calls("POST /v1/invoices/\(invoice)/pay").isEmpty)
    }

    @Test("what was to be ended and staff let go on can be paid")
    func kept() async throws {
        let (ground, _) = try await unpaid()
        ground.advance(15 * StripeGround.day)
        try await ground.worker.query("update subscriptions set cancel_requested_at = \(ground.now)")
        #expect(try await ground.send(.post, Self.path).kind == "cancellation_under_way")
        try await ground.worker.query(
            """
            insert into access_grants (tenant_id, id, access, reason, granted_by, starts_at)
            values (\(ground.tenant), \(UUID()), 'full', 'r', 'g', \(ground.now))
            """)
        let answer = try await ground.send(.post, Self.path)
        #expect(answer.at("outcome") == "paid" && answer.at("subscription.access") == "full", "\(answer.body)")
    }

    @Test("declined, it says why and where else to pay; another try is another one")
    func declined() async throws {
        let (ground, invoice) = try await unpaid()
        ground.stripe.fail("POST /v1/invoices/", .status(402, type: "card_error", code: "card_declined"))
        let answer = try await ground.send(.post, Self.path)
        #expect(answer.status == 402 && answer.kind == "payment_declined" && answer.at("hosted_url")?.hasSuffix(invoice) == true, "\(answer.body)")
        #expect(try await ground.trail("billing.payment_retry").compactMap { $0.audit?.outcome } == [.failure])
        #expect(try await ground.send(.post, Self.path).at("outcome") == "paid")
        #expect(Set(ground.stripe.calls("POST /v1/invoices/\(invoice)/pay").map(\.key)).count == 2)
    }

    @Test("a bank that wants its customer leads to what the browser needs")
    func requiresAction() async throws {
        let (ground, invoice) = try await unpaid()
        ground.stripe.fail(
            "POST /v1/invoices/", .status(402, type: "invalid_request_error", code: "invoice_payment_intent_requires_action"))
        let answer = try await ground.send(.post, Self.path)
        #expect(answer.status == 200 && answer.at("outcome") == "requires_action", "\(answer.body)")
        #expect(answer.at("client_secret") == "\(invoice)_secret_double" && answer.at("hosted_url")?.hasSuffix(invoice) == true)
        #expect(answer.at("subscription.access") == "grace")
    }

    @Test("an answer that is lost is not paid twice")
    func lost() async throws {
        let (ground, invoice) = try await unpaid()
        ground.stripe.fail("POST /v1/invoices/", .reset, after: true)
        #expect(try await ground.send(.post, Self.path).at("outcome") == "paid")
        let calls = ground.stripe.calls("POST /v1/invoices/\(invoice)/pay")
        #expect(calls.count == 2 && Set(calls.map(\.key)).count == 1)
        #expect(try await ground.send(.post, Self.path).kind == "nothing_due")
    }
}
