import Contracts
import Foundation
import Postgres
import Primitives
import ServiceRuntime
import TestSupport
import Testing

@testable import Billing

@Suite("Changing what is subscribed to")
struct ChangeTests {
    private static let root = "/api/v1/billing"
    private static let professional = #"{"plan":"professional","interval":"month"}"#
    private static let starter = #"{"plan":"starter","interval":"month"}"#

    private static func item(_ ground: StripeGround, _ subscription: String) -> DoubleJSON {
        ground.stripe.object(subscription)?["items"]["data"][0] ?? .null
    }

    @Test(
        "more is an upgrade and at once, less waits for the period's end, and a year is never cut short",
        arguments: [
            ("a", 1, BillingInterval.month, "b", 2, BillingInterval.month, ChangeDirection.upgrade),
            ("b", 2, .month, "a", 1, .month, .downgrade), ("a", 1, .month, "a", 1, .month, .same), ("a", 1, .month, "a", 1, .year, .upgrade),
            ("a", 1, .year, "a", 1, .month, .downgrade), ("a", 1, .year, "b", 2, .month, .downgrade), ("b", 2, .month, "a", 1, .year, .downgrade),
            ("a", 1, .year, "b", 2, .year, .upgrade),
        ] as [(String, Int, BillingInterval, String, Int, BillingInterval, ChangeDirection)])
    func direction(
        plan: String, position: Int, interval: BillingInterval, target: String, targetPosition: Int, targetInterval: BillingInterval,
        expected: ChangeDirection
    ) {
        let from = ChangeDirection.Place(plan: plan, position: position, interval: interval)
        let place = ChangeDirection.Place(plan: target, position: targetPosition, interval: targetInterval)
        #expect(ChangeDirection.of(from, to: place) == expected)
    }

    @Test("a preview says what Stripe would take now, changes nothing, and binds the change to its second")
    func preview() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        let before = ground.stripe.object(subscription)
        let preview = try await ground.send(.post, "\(Self.root)/change/preview", Self.professional)
        // The double reckons as if half of the month were over.
        #expect(preview.at("direction") == "upgrade" && preview.at("amount_due_now.amount") == "5000", "\(preview.body)")
        #expect(preview.at("price.formatted") == "149.00 USD" && preview.at("exceeds.0") == nil)
        #expect(ground.stripe.object(subscription) == before)
        let token = try #require(preview.at("preview_token"))
        let asked = try #require(ground.stripe.calls("POST /v1/invoices/create_preview").first).parameters
        #expect(asked["subscription_details[items][0][price]"] == "price_pro")
        ground.advance(300)
        let changed = try await ground.send(
            .post, "\(Self.root)/change", #"{"plan":"professional","interval":"month","preview_token":"\#(token)"}"#)
        #expect(changed.at("outcome") == "changed" && changed.at("subscription.plan.code") == "professional", "\(changed.body)")
        let sent = try #require(ground.stripe.calls("POST /v1/subscriptions/").last).parameters
        #expect(sent["proration_date"] == asked["subscription_details[proration_date]"])
        #expect(sent["proration_behavior"] == "always_invoice" && sent["payment_behavior"] == "pending_if_incomplete")
        #expect(ground.stripe.violations == [])
    }

    @Test("a token that is altered, another tenant's, of another change or too old changes nothing")
    func tokens() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        let keyring = ground.fixture.house.house.keyring
        let seconds = ground.now.stripeSeconds
        func token(_ subscription: String, _ plan: String, _ second: Int64, _ tenant: TenantID) throws -> String {
            try PreviewToken(subscription: subscription, plan: plan, interval: .month, prorationDate: second).sealed(for: tenant, keyring)
        }
        let good = try token(subscription, "professional", seconds, ground.tenant)
        let cases: [(String, Int, String)] = [
            ("x\(good)", 400, "invalid_request"), ("nonsense", 400, "invalid_request"),
            (try token(subscription, "professional", seconds, TenantID(UUID())), 400, "invalid_request"),
            (try token(subscription, "starter", seconds, ground.tenant), 422, "preview_mismatch"),
            (try token("sub_other", "professional", seconds, ground.tenant), 422, "preview_mismatch"),
            (try token(subscription, "professional", seconds - 1_000, ground.tenant), 409, "preview_expired"),
            (try token(subscription, "professional", seconds + 1_000, ground.tenant), 409, "preview_expired"),
        ]
        for (text, status, kind) in cases {
            let answer = try await ground.send(
                .post, "\(Self.root)/change", #"{"plan":"professional","interval":"month","preview_token":"\#(text)"}"#)
            #expect(answer.status == status && answer.kind == kind, "\(answer.body)")
        }
        #expect(ground.stripe.calls("POST /v1/subscriptions/").isEmpty)
        let changed = try await ground.send(
            .post, "\(Self.root)/change", #"{"plan":"professional","interval":"month","preview_token":"\#(good)"}"#)
        #expect(changed.status == 200, "\(changed.body)")
    }

    @Test("a preview from before the period costs nothing any more that anybody saw; a subscription of several items is changed by nobody here")
    func notChanged() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        let token = try PreviewToken(
            subscription: subscription, plan: "professional", interval: .month, prorationDate: ground.now.stripeSeconds - 60
        ).sealed(for: ground.tenant, ground.fixture.house.house.keyring)
        let expired = try await ground.send(
            .post, "\(Self.root)/change", #"{"plan":"professional","interval":"month","preview_token":"\#(token)"}"#)
        #expect(expired.status == 409 && expired.kind == "preview_expired", "\(expired.body)")
        var changed = try #require(ground.stripe.object(subscription))
        let items = changed["items"]["data"].elements
        var second = items[0]
        second["id"] = "si_second"
        changed["items"]["data"] = .list([items[0], second])
        ground.stripe.set(changed)
        #expect(try await ground.send(.post, "\(Self.root)/change", Self.professional).kind == "several_items")
        #expect(ground.stripe.calls("POST /v1/subscriptions/").isEmpty)
    }

    @Test("less waits for the end of a trial at Stripe")
    func trialRunning() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed("price_pro")
        ground.stripe.set(["id": .text(subscription), "status": "trialing"])
        for path in ["change/preview", "change"] {
            let refused = try await ground.send(.post, "\(Self.root)/\(path)", Self.starter)
            #expect(refused.status == 409 && refused.kind == "trial_running", "\(refused.body)")
        }
        #expect(ground.stripe.calls("POST /v1/subscription_schedules").isEmpty)
    }

    @Test("twenty clicks change it once, and the answer is true at once")
    func manyClicks() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        let answers = try await withThrowingTaskGroup(of: StripeGround.Answer.self) { group in
            for _ in 0..<20 { group.addTask { try await ground.send(.post, "\(Self.root)/change", Self.professional) } }
            return try await group.reduce(into: [StripeGround.Answer]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 200 && $0.at("subscription.plan.code") == "professional" }, "\(answers.map(\.body))")
        #expect(Set(ground.stripe.calls("POST /v1/subscriptions/").map(\.key)).count == 1)
        #expect(Self.item(ground, subscription)["price"]["id"].string == "price_pro")
        #expect(ground.stripe.object(subscription)?["items"]["data"].elements.count == 1)
    }

    @Test("an upgrade whose answers are lost happens once, and is known to whoever asks next")
    func lostUpgrade() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        ground.stripe.fail("POST /v1/subscriptions/", .reset, after: true, times: 10)
        #expect(try await ground.send(.post, "\(Self.root)/change", Self.professional).kind == "stripe_unavailable")
        ground.stripe.recover()
        ground.advance(60)
        let again = try await ground.send(.post, "\(Self.root)/change", Self.professional)
        #expect(again.at("outcome") == "unchanged" && again.at("subscription.plan.code") == "professional", "\(again.body)")
        #expect(Set(ground.stripe.calls("POST /v1/subscriptions/").map(\.key)).count == 1)
        #expect(Self.item(ground, subscription)["price"]["id"].string == "price_pro")
    }

    @Test("a payment that wants its owner leaves the plan as it is, and says how to confirm it")
    func requiresAction() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "default_payment_method": .text(StripeWorld.wantsOwner)])
        let answer = try await ground.send(.post, "\(Self.root)/change", Self.professional)
        #expect(answer.status == 200 && answer.at("outcome") == "requires_action", "\(answer.body)")
        let invoice = try #require(ground.stripe.object(subscription)?["latest_invoice"].string)
        #expect(answer.at("client_secret") == "\(invoice)_secret_double" && answer.at("hosted_url")?.hasSuffix(invoice) == true)
        #expect(answer.at("subscription.plan.code") == "starter" && answer.at("subscription.access") == "full")
        #expect(try await ground.trail("billing.change").compactMap { $0.audit?.metadata["outcome"] } == ["requires_action"])
    }

    @Test("a payment that is declined leaves the plan as it is; the next try is another one")
    func declined() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        ground.stripe.fail("POST /v1/subscriptions/", .status(402, type: "card_error", code: "card_declined"))
        let declined = try await ground.send(.post, "\(Self.root)/change", Self.professional)
        #expect(declined.status == 402 && declined.kind == "payment_declined" && declined.at("reason") == "card_declined", "\(declined.body)")
        #expect(try await ground.subscription().at("plan.code") == "starter")
        // Declined stands under its key at Stripe: the next try is another one, and goes through.
        #expect(try await ground.send(.post, "\(Self.root)/change", Self.professional).at("outcome") == "changed")
        #expect(Set(ground.stripe.calls("POST /v1/subscriptions/\(subscription)").map(\.key)).count == 2)
    }

    @Test("less waits for the period's end by a schedule; asked again it replaces what was planned, and can be dropped")
    func downgrade() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed("price_pro")
        let preview = try await ground.send(.post, "\(Self.root)/change/preview", Self.starter)
        let end = try #require(Self.item(ground, subscription)["current_period_end"].number)
        let effective = WireJSON.format(Date(timeIntervalSince1970: Double(end)))
        #expect(preview.at("direction") == "downgrade" && preview.at("amount_due_now.amount") == "0" && preview.at("effective_at") == effective)
        #expect(ground.stripe.calls("POST /v1/invoices/create_preview").isEmpty)
        let planned = try await ground.send(.post, "\(Self.root)/change", Self.starter)
        #expect(planned.at("outcome") == "scheduled" && planned.at("subscription.plan.code") == "professional", "\(planned.body)")
        #expect(planned.at("subscription.scheduled_change.plan") == "starter")
        #expect(planned.at("subscription.scheduled_change.effective_at") == effective)
        let again = try await ground.send(.post, "\(Self.root)/change", #"{"plan":"starter","interval":"year"}"#)
        #expect(again.at("subscription.scheduled_change.interval") == "year", "\(again.body)")
        #expect(ground.stripe.calls("POST /v1/subscription_schedules").filter { $0.path == "/v1/subscription_schedules" }.count == 1)
        let dropped = try await ground.send(.post, "\(Self.root)/change/cancel")
        #expect(dropped.status == 200 && dropped.at("subscription.scheduled_change.plan") == nil, "\(dropped.body)")
        #expect(try await ground.send(.post, "\(Self.root)/change/cancel").kind == "nothing_scheduled")
        #expect(Self.item(ground, subscription)["price"]["id"].string == "price_pro")
        #expect(try await ground.trail("billing.change").count == 3)
        #expect(ground.stripe.violations == [])
    }

    @Test("less than there is in use is refused with what exceeds and by how much; more never is")
    func overLimits() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed("price_pro")
        try await ground.worker.query(
            """
            insert into resource_counts (tenant_id, resource, used, reserved)
            values (\(ground.tenant), 'users', 4, 1), (\(ground.tenant), 'mailboxes', 200, 0), (\(ground.tenant), 'leads', 10000, 0)
            """)
        let preview = try await ground.send(.post, "\(Self.root)/change/preview", Self.starter)
        #expect(preview.at("exceeds.0.limit") == "users" && preview.at("exceeds.1.limit") == "mailboxes" && preview.at("exceeds.2") == nil)
        let refused = try await ground.send(.post, "\(Self.root)/change", Self.starter)
        #expect(refused.status == 422 && refused.kind == "over_limits", "\(refused.body)")
        #expect(refused.at("exceeds.0.used") == "5" && refused.at("exceeds.0.allowed") == "2" && refused.at("exceeds.1.used") == "200")
        #expect(ground.stripe.object(subscription)?["schedule"] == DoubleJSON.null)
        let year = #"{"plan":"professional","interval":"year"}"#
        #expect(try await ground.send(.post, "\(Self.root)/change", year).at("outcome") == "changed")
    }

    @Test("an upgrade takes the place of a planned downgrade")
    func upgradeOverSchedule() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed("price_pro")
        _ = try await ground.send(.post, "\(Self.root)/change", Self.starter)
        let changed = try await ground.send(.post, "\(Self.root)/change", #"{"plan":"professional","interval":"year"}"#)
        #expect(changed.at("outcome") == "changed" && changed.at("subscription.interval") == "year", "\(changed.body)")
        #expect(changed.at("subscription.scheduled_change.plan") == nil)
        #expect(ground.stripe.object(subscription)?["schedule"] == DoubleJSON.null)
    }

    @Test("ending with the period can be taken back, done twice it changes nothing, and done again it works again")
    func cancelAndResume() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed("price_pro")
        _ = try await ground.send(.post, "\(Self.root)/change", Self.starter)
        let ended = try await ground.send(.post, "\(Self.root)/cancel", #"{"feedback":"too_expensive"}"#)
        #expect(ended.at("outcome") == "changed" && ended.at("subscription.cancel_at") != nil, "\(ended.body)")
        #expect(ended.at("subscription.access") == "full" && ended.at("subscription.scheduled_change.plan") == nil)
        #expect(ground.stripe.calls("POST /v1/subscriptions/").last?.parameters["cancellation_details[feedback]"] == "too_expensive")
        #expect(try await ground.send(.post, "\(Self.root)/cancel").at("outcome") == "unchanged")
        #expect(try await ground.send(.post, "\(Self.root)/change", Self.starter).kind == "cancellation_scheduled")
        #expect(try await ground.send(.post, "\(Self.root)/resume").at("subscription.cancel_at") == nil)
        #expect(try await ground.send(.post, "\(Self.root)/resume").at("outcome") == "unchanged")
        #expect(try await ground.send(.post, "\(Self.root)/cancel").at("subscription.cancel_at") != nil)
        #expect(ground.stripe.object(subscription)?["cancel_at"] != DoubleJSON.null)
        #expect(try await ground.trail("billing.cancel").count == 2)
        #expect(try await ground.trail("billing.resume").count == 1)
        #expect(try await ground.send(.post, "\(Self.root)/cancel", #"{"feedback":"because"}"#).status == 400)
        #expect(ground.stripe.violations == [])
    }

    @Test("an end that was set as a date, as the portal does, is taken back, too")
    func resumeFromPortal() async throws {
        let ground = try await StripeGround.priced()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "cancel_at": .integer(ground.now.stripeSeconds + 86_400), "cancel_at_period_end": false])
        #expect(try await ground.send(.post, "\(Self.root)/resume").at("outcome") == "changed")
        #expect(ground.stripe.object(subscription)?["cancel_at"] == DoubleJSON.null)
    }

    @Test("without a subscription there is nothing to change, and an unpaid one is paid first")
    func nothingToChange() async throws {
        let ground = try await StripeGround.priced()
        for path in ["change", "change/preview"] {
            #expect(try await ground.send(.post, "\(Self.root)/\(path)", Self.professional).kind == "no_subscription", "\(path)")
        }
        for path in ["change/cancel", "cancel", "resume", "retry-payment"] {
            #expect(try await ground.send(.post, "\(Self.root)/\(path)").kind == "no_subscription", "\(path)")
        }
        let subscription = try await ground.subscribed()
        #expect(try await ground.send(.post, "\(Self.root)/retry-payment").kind == "nothing_due")
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        #expect(try await ground.send(.post, "\(Self.root)/change", Self.professional).kind == "payment_due")
        ground.stripe.set(["id": .text(subscription), "status": "canceled"])
        #expect(try await ground.send(.post, "\(Self.root)/change", Self.professional).kind == "no_subscription")
        #expect(try await ground.subscription().at("status") == "canceled")
        #expect(ground.stripe.calls("POST /v1/subscriptions/").isEmpty)
    }
}
