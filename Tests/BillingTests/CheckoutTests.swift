import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import RPC
import TestSupport
import Testing

@testable import Billing

@Suite("Buying")
struct CheckoutTests {
    private static let path = "/api/v1/billing/checkout"
    private static let starter = #"{"plan":"starter","interval":"month"}"#
    private static let pack = #"{"pack":"mails_10000"}"#

    @Test("a plan is bought at our price: what a browser says of prices is not read")
    func subscription() async throws {
        let ground = try await StripeGround.priced()
        let answer = try await ground.send(
            .post, Self.path,
            #"{"plan":"starter","interval":"year","price":"price_pack","amount":1,"line_items":[{"price":"price_pack"}],"unit_amount":1}"#)
        #expect(answer.status == 200, "\(answer.body)")
        let session = try #require(answer.at("session"))
        #expect(answer.at("url") == "https://checkout.stripe.com/c/pay/\(session)" && answer.at("client_secret") == nil)
        let sent = try #require(ground.stripe.calls("POST /v1/checkout/sessions").first).parameters
        #expect(sent["line_items[0][price]"] == "price_starter_year" && sent["line_items[0][quantity]"] == "1" && sent["mode"] == "subscription")
        #expect(sent["client_reference_id"] == ground.tenant.description && sent["metadata[tenant]"] == ground.tenant.description)
        #expect(sent["subscription_data[metadata][tenant]"] == ground.tenant.description)
        let page = "https://localhost:8443/dashboard/settings/billing"
        #expect(sent["success_url"] == "\(page)?checkout=success&session={CHECKOUT_SESSION_ID}" && sent["cancel_url"] == "\(page)?checkout=cancelled")
        #expect(sent.keys.filter { $0.contains("amount") || $0.contains("price_data") || $0.contains("tax") }.isEmpty)
        #expect(try await ground.trail("billing.checkout").count == 1)
        #expect(ground.stripe.violations == [])
    }

    @Test("fifty clicks at once open one session for one customer")
    func fiftyClicks() async throws {
        let ground = try await StripeGround.priced()
        let answers = try await withThrowingTaskGroup(of: StripeGround.Answer.self) { group in
            for _ in 0..<50 { group.addTask { try await ground.send(.post, Self.path, Self.starter) } }
            return try await group.reduce(into: [StripeGround.Answer]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 200 }, "\(answers.first { $0.status != 200 }?.body ?? "")")
        #expect(Set(answers.compactMap { $0.at("session") }).count == 1)
        #expect(Set(ground.stripe.calls("POST /v1/checkout/sessions").map(\.key)).count == 1)
        #expect(Set(ground.stripe.calls("POST /v1/customers").map(\.key)).count == 1)
        #expect(try await ground.trail("billing.checkout").count == 1)
        #expect(ground.stripe.violations == [])
    }

    @Test("while it is open the same choice leads to it; another choice ends it first, so that only one can be paid")
    func oneOpen() async throws {
        let ground = try await StripeGround.priced()
        let first = try #require(try await ground.send(.post, Self.path, Self.starter).at("session"))
        ground.advance(600)
        #expect(try await ground.send(.post, Self.path, Self.starter).at("session") == first)
        let second = try #require(try await ground.send(.post, Self.path, #"{"plan":"professional","interval":"month"}"#).at("session"))
        #expect(second != first)
        #expect(ground.stripe.object(first)?["status"].string == "expired" && ground.stripe.object(second)?["status"].string == "open")
        let open: Int = try await ground.worker.query("select count(*) as n from checkouts where status = 'open'")[0].decode("n")
        #expect(open == 1)
    }

    @Test("while Stripe does not say what the company has, nothing is opened, and the place is kept")
    func unreadable() async throws {
        let ground = try await StripeGround.priced()
        try await ground.link()
        ground.stripe.fail("GET /v1/subscriptions", .status(500), times: 100)
        #expect(try await ground.send(.post, Self.path, Self.starter).kind == "stripe_unavailable")
        #expect(ground.stripe.calls("POST /v1/checkout/sessions").isEmpty)
        let status: String = try await ground.worker.query("select status from checkouts")[0].decode("status")
        #expect(status == "opening")
        ground.stripe.recover()
        ground.advance(60)
        #expect(try await ground.send(.post, Self.path, Self.starter).status == 200)
    }

    @Test("whoever gives up a place that somebody else has opened meanwhile ends what was opened: nothing is left to be paid")
    func openedMeanwhile() async throws {
        let ground = try await StripeGround.priced()
        try await ground.link()
        let tenant = ground.tenant
        // Nobody gets past the reading of the subscription until this is over.
        let asked = try await ground.worker.transaction { transaction in
            try await transaction.query("select tenant_id from subscriptions where tenant_id = \(tenant) for update")
            let request = Task { try await ground.send(.post, Self.path, Self.starter) }
            try await eventually("the place is taken") { try await !ground.worker.query("select 1 as one from checkouts").isEmpty }
            _ = try ground.stripe.subscribe(customer: StripeGround.customer, price: "price_pro")
            ground.stripe.set(["id": "cs_other", "object": "checkout.session", "mode": "subscription", "customer": .text(StripeGround.customer)])
            try await ground.worker.query("update checkouts set status = 'open', stripe_session = 'cs_other'")
            try await transaction.query("update subscriptions set sync_version = sync_version + 1 where tenant_id = \(tenant)")
            return request
        }
        #expect(try await asked.value.kind == "already_subscribed")
        #expect(ground.stripe.object("cs_other")?["status"].string == "expired")
        let status: String = try await ground.worker.query("select status from checkouts")[0].decode("status")
        #expect(status == "expired")
    }

    @Test("one that ran out makes room for the next, whether or not anybody told us")
    func expired() async throws {
        let ground = try await StripeGround.priced()
        let first = try #require(try await ground.send(.post, Self.path, Self.starter).at("session"))
        ground.advance(86_400)
        ground.stripe.set(["id": .text(first), "status": "expired", "url": .null])
        let second = try await ground.send(.post, Self.path, Self.starter).at("session")
        #expect(second != nil && second != first)
    }

    @Test(
        "an answer that is lost on the way is asked for under the same key: one customer, one session",
        arguments: ["customers", "checkout/sessions"])
    func reset(operation: String) async throws {
        let ground = try await StripeGround.priced()
        ground.stripe.fail("POST /v1/\(operation)", .reset, after: true)
        #expect(try await ground.send(.post, Self.path, Self.starter).status == 200)
        let calls = ground.stripe.calls("POST /v1/\(operation)")
        #expect(calls.count == 2 && Set(calls.map(\.key)).count == 1 && calls[1].isReplay)
    }

    @Test("a session whose answers are all lost is found by whoever asks next, also for something else")
    func lostForLong() async throws {
        let ground = try await StripeGround.priced()
        ground.stripe.fail("POST /v1/checkout/sessions", .reset, after: true, times: 10)
        let lost = try await ground.send(.post, Self.path, Self.starter)
        #expect(lost.status == 503 && lost.kind == "stripe_unavailable" && lost.headers[.retryAfter] != nil)
        ground.stripe.recover()
        ground.advance(60)
        let found = try await ground.send(.post, Self.path, #"{"plan":"professional","interval":"month"}"#)
        #expect(found.status == 200, "\(found.body)")
        let sessions = ground.stripe.calls("POST /v1/checkout/sessions").filter { !$0.path.hasSuffix("/expire") }
        #expect(Set(sessions.map(\.key)).count == 2)
        #expect(ground.stripe.calls.filter { $0.path.hasSuffix("/expire") }.count == 1)
        let open = try #require(found.at("session"))
        #expect(ground.stripe.object(open)?["status"].string == "open")
    }

    @Test("a second subscription is refused, also when nobody told us of the first")
    func alreadySubscribed() async throws {
        let ground = try await StripeGround.priced()
        try await ground.link()
        _ = try ground.stripe.subscribe(customer: StripeGround.customer, price: "price_pro")
        let refused = try await ground.send(.post, Self.path, Self.starter)
        #expect(refused.status == 409 && refused.kind == "already_subscribed")
        #expect(try await ground.subscription().at("plan.code") == "professional")
        #expect(try await ground.send(.post, Self.path, Self.starter).kind == "already_subscribed")
        #expect(ground.stripe.calls("POST /v1/checkout/sessions").isEmpty)
    }

    @Test("paid, and asked for again before anybody told us: the subscription is found and no second one opened")
    func paidMeanwhile() async throws {
        let ground = try await StripeGround.priced()
        let session = try #require(try await ground.send(.post, Self.path, Self.starter).at("session"))
        try ground.stripe.complete(checkout: session)
        ground.advance(120)
        let refused = try await ground.send(.post, Self.path, #"{"plan":"professional","interval":"month"}"#)
        #expect(refused.status == 409 && refused.kind == "already_subscribed", "\(refused.body)")
        #expect(try await ground.subscription().at("status") == "active")
    }

    @Test("a payment that takes days keeps its place")
    func pending() async throws {
        let ground = try await StripeGround.priced()
        let session = try #require(try await ground.send(.post, Self.path, Self.starter).at("session"))
        ground.stripe.set(["id": .text(session), "status": "complete", "payment_status": "unpaid", "url": .null])
        ground.advance(120)
        for choice in [Self.starter, #"{"plan":"professional","interval":"month"}"#] {
            let refused = try await ground.send(.post, Self.path, choice)
            #expect(refused.status == 409 && refused.kind == "payment_pending", "\(refused.body)")
        }
    }

    @Test("packs are for a plan that runs, and one at a time")
    func packs() async throws {
        let ground = try await StripeGround.priced()
        // The built-in trial is none.
        for path in ["checkout", "elements/payment-intent"] {
            #expect(try await ground.send(.post, "/api/v1/billing/\(path)", Self.pack).kind == "no_subscription", "\(path)")
        }
        let subscription = try await ground.subscribed()
        #expect(try await ground.send(.post, Self.path, Self.pack).status == 200)
        let sent = try #require(ground.stripe.calls("POST /v1/checkout/sessions").first).parameters
        #expect(sent["mode"] == "payment" && sent["line_items[0][price]"] == "price_pack")
        #expect(sent["payment_intent_data[metadata][pack]"] == "mails_10000")
        #expect(try await ground.send(.post, Self.path, #"{"pack":"mails_10000","quantity":3}"#).status == 400)
        ground.stripe.set(["id": .text(subscription), "status": "canceled"])
        try await ground.fixture.service.sync.sync(ground.tenant, cause: SyncCause(source: .event))
        for (path, body) in [("checkout", Self.pack), ("elements/payment-intent", Self.pack)] {
            let refused = try await ground.send(.post, "/api/v1/billing/\(path)", body)
            // The open session was for a plan that ran: it may be paid, a new one not be opened.
            #expect(path == "checkout" ? refused.status == 200 : refused.kind == "no_subscription", "\(refused.body)")
        }
    }

    @Test("in our own page a session has a secret and no address, and is shown again with it")
    func elementsSession() async throws {
        let ground = try await StripeGround.priced()
        let body = #"{"plan":"starter","interval":"month","ui":"elements"}"#
        let answer = try await ground.send(.post, Self.path, body)
        #expect(answer.at("client_secret") != nil && answer.at("url") == nil, "\(answer.body)")
        let sent = try #require(ground.stripe.calls("POST /v1/checkout/sessions").first).parameters
        #expect(sent["ui_mode"] == "elements" && sent["success_url"] == nil && sent["return_url"] != nil)
        #expect(try await ground.send(.post, Self.path, body).at("client_secret") == answer.at("client_secret"))
        #expect(ground.stripe.violations == [])
    }

    @Test(
        "what cannot be bought is refused with what to do",
        arguments: [
            (#"{"plan":"nonsense","interval":"month"}"#, 400, "invalid_request"), (#"{"plan":"starter"}"#, 400, "invalid_request"),
            (#"{"plan":"starter","interval":"week"}"#, 400, "invalid_request"), (#"{}"#, 400, "invalid_request"),
            (#"{"plan":"starter","interval":"month","pack":"mails_10000"}"#, 400, "invalid_request"),
            (#"{"pack":"nonsense"}"#, 400, "invalid_request"), (#"{"plan":"enterprise","interval":"month"}"#, 422, "plan_not_sold"),
            (#"{"plan":"starter","interval":"month","currency":"EUR"}"#, 422, "plan_not_sold"),
            (#"{"plan":"business","interval":"month"}"#, 503, "price_not_configured"),
            (#"{"plan":"starter","interval":"month","ui":"popup"}"#, 400, "invalid_request"),
        ])
    func refused(body: String, status: Int, kind: String) async throws {
        let ground = try await StripeGround.priced()
        let answer = try await ground.send(.post, Self.path, body)
        #expect(answer.status == status && answer.kind == kind, "\(answer.body)")
        #expect(ground.stripe.calls.isEmpty)
    }

    @Test("one request key, one answer")
    func requestKey() async throws {
        let ground = try await StripeGround.priced()
        _ = try await ground.subscribed()
        let key: HTTPFields = [.idempotencyKey: "click-1"]
        let first = try await ground.send(.post, "/api/v1/billing/elements/payment-intent", Self.pack, headers: key)
        let again = try await ground.send(.post, "/api/v1/billing/elements/payment-intent", Self.pack, headers: key)
        #expect(first.status == 200 && first.body == again.body)
        #expect(ground.stripe.calls("POST /v1/payment_intents").count == 1)
    }

    @Test("intents cost what Stripe's price says, and each new one is another")
    func intents() async throws {
        let ground = try await StripeGround.priced()
        _ = try await ground.subscribed()
        // Changed at Stripe and not yet here: Stripe's word counts.
        ground.stripe.set(["id": "price_pack", "unit_amount": 1_250])
        let first = try await ground.send(.post, "/api/v1/billing/elements/payment-intent", #"{"pack":"mails_10000","amount":1}"#)
        #expect(first.at("amount.amount") == "1250" && first.at("client_secret") != nil, "\(first.body)")
        let second = try await ground.send(.post, "/api/v1/billing/elements/payment-intent", Self.pack)
        #expect(second.at("id") != nil && second.at("id") != first.at("id"))
        let setup = try await ground.send(.post, "/api/v1/billing/elements/setup-intent")
        #expect(setup.at("client_secret") != nil && setup.at("amount") == nil)
        let sent = try #require(ground.stripe.calls("POST /v1/setup_intents").first).parameters
        #expect(sent["usage"] == "off_session" && sent["metadata[tenant]"] == ground.tenant.description)
        #expect(try await ground.trail("billing.payment_intent").count == 2)
        #expect(try await ground.trail("billing.setup_intent").count == 1)
        #expect(ground.stripe.violations == [])
    }

    @Test(
        "the portal leads back to pages of ours only",
        arguments: [
            ("/dashboard/settings/billing", 200), ("/dashboard", 200), ("https://evil.example", 400), ("//evil.example", 400),
            ("/dashboardevil", 400), ("/dashboard//evil.example", 400), ("/dashboard/../x?y", 400),
            ("/dashboard/\\u0000", 400), ("/dashboard@evil", 400), ("", 400),
        ])
    func portal(path: String, status: Int) async throws {
        let ground = try await StripeGround.priced()
        let answer = try await ground.send(.post, "/api/v1/billing/portal", #"{"return_path":"\#(path)"}"#)
        #expect(answer.status == status, "\(answer.body)")
        let sent = ground.stripe.calls("POST /v1/billing_portal/sessions").first?.parameters["return_url"]
        #expect(sent == (status == 200 ? "https://localhost:8443\(path)" : nil))
        #expect(try await ground.trail("billing.portal").count == (status == 200 ? 1 : 0))
    }

    @Test("while Stripe is away nothing is opened, said with when to come back, and mails can be reserved all the same")
    func away() async throws {
        let ground = try await StripeGround.priced()
        ground.stripe.fail("", .status(500), times: 1_000)
        for (path, body) in [("checkout", Self.starter), ("portal", nil), ("elements/setup-intent", nil)] as [(String, String?)] {
            let answer = try await ground.send(.post, "/api/v1/billing/\(path)", body)
            #expect(answer.status == 503 && answer.kind == "stripe_unavailable" && answer.headers[.retryAfter] != nil, "\(path)")
        }
        #expect(try await ground.fixture.billing.call(BillingRPC.ReserveMail(tenant: ground.tenant, key: "k", count: 5)).count == 5)
    }
}
