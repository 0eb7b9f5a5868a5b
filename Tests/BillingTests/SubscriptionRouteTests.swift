import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Billing

extension StripeGround {
    static let customer = "cus_acme"
    static let day: TimeInterval = 86_400

    /// With prices at Stripe for the plans and the pack.
    static func priced() async throws -> StripeGround {
        let ground = try await make()
        for (price, plan, interval, amount) in [
            ("price_starter", "starter", "month", 4_900), ("price_starter_year", "starter", "year", 47_040),
            ("price_pro", "professional", "month", 14_900), ("price_pro_year", "professional", "year", 143_040),
        ] as [(String, String, String, Int64)] {
            ground.stripe.price(price, amount: amount, interval: interval)
            try await ground.worker.query("update plan_prices set stripe_price = \(price) where plan = \(plan) and interval = \(interval)")
        }
        ground.stripe.price("price_pack", amount: 1_000, interval: nil)
        try await ground.worker.query("update mail_packs set stripe_price = 'price_pack' where code = 'mails_10000'")
        return ground
    }

    var tenant: TenantID { fixture.tenant }
    var now: Date { fixture.house.clock.clock.now }

    func advance(_ seconds: TimeInterval) {
        fixture.house.clock.advance(by: .seconds(seconds))
    }

    /// The tenant as a customer of whom we know.
    func link() async throws {
        stripe.set(["id": .text(Self.customer), "object": "customer", "metadata": ["tenant": .text(tenant.description)]])
        let (tenant, now) = (tenant, now)
        let linked = try await worker.transaction { try await CustomerLinks.link(Self.customer, to: tenant, at: now, in: $0) }
        #expect(linked == .linked)
    }

    /// A paid subscription of which we know; its id.
    func subscribed(_ price: String = "price_starter") async throws -> String {
        try await link()
        let subscription = try stripe.subscribe(customer: Self.customer, price: price)
        try await fixture.service.sync.sync(tenant, cause: SyncCause(source: .request))
        return subscription
    }

    func subscription() async throws -> Answer {
        try await send(.get, "/api/v1/billing/subscription")
    }
}

extension StripeGround.Answer {
    /// A member deep inside, such as `data.0.id`; nil for null.
    func at(_ path: String) -> String? {
        var value: Any? = object
        for step in path.split(separator: ".") {
            if let index = Int(step) {
                value = (value as? [Any]).flatMap { $0.indices.contains(index) ? $0[index] : nil }
            } else {
                value = (value as? [String: Any])?[String(step)]
            }
        }
        guard let value, !(value is NSNull) else { return nil }
        return "\(value)"
    }

    func count(_ path: String) -> Int? {
        (object[path] as? [Any])?.count
    }

    /// The problem's stable name.
    var kind: String? { at("type").map { String($0.dropFirst("/problems/".count)) } }

    func date(_ path: String) -> Date? { at(path).flatMap(WireJSON.parse) }
}

@Suite("A company's plan")
struct SubscriptionRouteTests {
    @Test("everybody sees what is offered, with every price and the packs; what is not offered any more is left out")
    func plans() async throws {
        let ground = try await StripeGround.make()
        try await ground.worker.query("update plans set is_public = false where code = 'business'")
        try await ground.worker.query(
            "insert into plan_prices (plan, interval, currency, amount) values ('starter', 'month', 'JPY', 7000)")
        let answer = try await ground.send(.get, "/api/v1/plans", role: .viewer)
        #expect(answer.status == 200)
        #expect(answer.count("data") == 3 && answer.at("data.0.code") == "starter" && answer.at("data.2.code") == "enterprise")
        #expect(answer.at("data.0.prices.0.price.currency") == "JPY" && answer.at("data.0.prices.0.price.formatted") == "7000 JPY")
        #expect(answer.at("data.0.prices.1.price.formatted") == "49.00 USD" && answer.at("data.0.prices.1.interval") == "month")
        #expect(answer.at("data.0.prices.2.price.amount") == "47040" && answer.at("data.0.prices.2.interval") == "year")
        #expect(answer.at("data.2.prices.0") == nil)
        #expect(answer.at("packs.0.code") == "mails_10000" && answer.at("packs.0.price.formatted") == "10.00 USD")
        #expect(!answer.body.contains("stripe"))
    }

    @Test("the configuration for a browser holds the publishable key and no secret")
    func config() async throws {
        let ground = try await StripeGround.make()
        let answer = try await ground.send(.get, "/api/v1/billing/config", role: .admin)
        #expect(answer.at("publishable_key") == StripeDouble.publishableKey && answer.body.contains(#""is_configured":true"#))
        #expect(answer.at("currencies.0") == "USD" && answer.at("packs.0.mails") == "10000")
        #expect(!answer.body.contains("sk_test") && !answer.body.contains("whsec"))
    }

    @Test("the built-in trial is a subscription of its own: nothing is paid, and it is as it stands here")
    func trial() async throws {
        let ground = try await StripeGround.make()
        let answer = try await ground.subscription()
        #expect(answer.at("status") == "trialing" && answer.at("access") == "full" && answer.at("plan.code") == "starter")
        #expect(answer.at("amount") == nil && answer.body.contains(#""is_at_stripe":false"#))
        #expect(answer.at("as_of") == WireJSON.format(ground.now))
        ground.advance(15 * StripeGround.day)
        #expect(try await ground.subscription().at("access") == "read_only")
    }

    @Test("a subscription is as Stripe said it, and says when that was")
    func subscribed() async throws {
        let ground = try await StripeGround.priced()
        _ = try await ground.subscribed("price_pro")
        let synced = ground.now
        ground.advance(3_600)
        let answer = try await ground.subscription()
        #expect(answer.at("status") == "active" && answer.at("access") == "full" && answer.at("plan.code") == "professional")
        #expect(answer.at("amount.formatted") == "149.00 USD" && answer.at("interval") == "month")
        #expect(answer.at("as_of") == WireJSON.format(synced))
        #expect(answer.at("past_due_since") == nil && answer.at("scheduled_change") == nil && answer.at("cancel_at") == nil)
    }

    @Test("an unpaid one says since when, when sending pauses and when it is cancelled")
    func pastDue() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        try await ground.fixture.service.sync.sync(ground.tenant, cause: SyncCause(source: .event))
        let answer = try await ground.subscription()
        let since = try #require(answer.date("past_due_since"))
        #expect(answer.at("status") == "past_due" && answer.at("access") == "grace")
        #expect(answer.at("read_only_at") == WireJSON.format(since + 7 * StripeGround.day))
        #expect(answer.at("cancels_at") == WireJSON.format(since + 14 * StripeGround.day))
        ground.advance(8 * StripeGround.day)
        #expect(try await ground.subscription().at("access") == "read_only")
    }

    @Test("what is read from the database asks Stripe for nothing, and so is there while Stripe is away")
    func stripeDown() async throws {
        let ground = try await StripeGround.priced()
        _ = try await ground.subscribed()
        let before = ground.stripe.calls.count
        ground.stripe.fail("", .timeout(), times: 1_000)
        for path in ["/api/v1/plans", "/api/v1/billing/config", "/api/v1/billing/subscription", "/api/v1/billing/usage"] {
            let start = ContinuousClock.now
            #expect(try await ground.send(.get, path).status == 200, "\(path)")
            // A call would take the double's thirty seconds; two leave room for a busy machine.
            #expect(ContinuousClock.now - start < .seconds(2), "\(path)")
        }
        #expect(ground.stripe.calls.count == before)
    }

    static let acts: [(path: String, body: String?)] = [
        ("checkout", #"{"plan":"starter","interval":"month"}"#), ("checkout", #"{"pack":"mails_10000"}"#), ("elements/setup-intent", nil),
        ("elements/payment-intent", #"{"pack":"mails_10000"}"#), ("portal", nil), ("change/preview", #"{"plan":"professional","interval":"month"}"#),
        ("change", #"{"plan":"professional","interval":"month"}"#), ("change/cancel", nil), ("cancel", nil), ("resume", nil), ("retry-payment", nil),
    ]

    @Test("members see and do nothing, and who has not confirmed an address opens nothing at Stripe")
    func roles() async throws {
        let ground = try await StripeGround.priced()
        _ = try await ground.subscribed()
        let before = ground.stripe.calls.count
        for path in ["config", "subscription", "usage", "invoices", "payments"] {
            #expect(try await ground.send(.get, "/api/v1/billing/\(path)", role: .member).status == 403, "\(path)")
        }
        for (path, body) in Self.acts {
            #expect(try await ground.send(.post, "/api/v1/billing/\(path)", body, role: .member).status == 403, "\(path)")
            let unverified = try await ground.send(.post, "/api/v1/billing/\(path)", body, role: .owner, isVerified: false)
            #expect(unverified.status == 403 && unverified.kind == "unverified", "\(path)")
        }
        #expect(ground.stripe.calls.count == before)
    }

    @Test("without a key of Stripe nothing can be bought, said plainly, and everything that is read is there")
    func notConfigured() async throws {
        let fixture = try await BillingFixture.make()
        func call(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil) async throws -> StripeGround.Answer {
            var headers = try await fixture.house.identityHeader(tenant: fixture.tenant)
            headers[.contentType] = "application/json"
            let sent = headers
            return try await fixture.house.withClient(fixture.service) { client in
                try await client.execute(uri: "/api/v1/billing/\(path)", method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                    StripeGround.Answer(status: $0.status.code, body: String(buffer: $0.body), headers: $0.headers)
                }
            }
        }
        for (path, body) in Self.acts {
            let answer = try await call(.post, path, body)
            #expect(answer.status == 503 && answer.kind == "stripe_not_configured", "\(path): \(answer.body)")
        }
        for path in ["subscription", "usage"] { #expect(try await call(.get, path).status == 200, "\(path)") }
        for path in ["invoices", "payments"] { #expect(try await call(.get, path).count("data") == 0, "\(path)") }
        #expect(try await call(.get, "config").body.contains(#""is_configured":false"#))
    }
}
