import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Billing

@Suite("What is kept of a subscription follows Stripe")
struct SyncTests {
    @Test("a paid checkout becomes plan, price, period and mails")
    func paid() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_pro")
        ground.advance(60)
        try await ground.hear("customer.subscription.created", subscription)
        let state = try await ground.state()
        #expect(state.plan == "professional" && state.status == "active" && state.subscription == subscription)
        #expect(state.price == "price_pro" && state.interval == "month" && state.amount == 14_900 && state.currency == "USD")
        let entitlements = try await ground.entitlements()
        #expect(entitlements.periodStart == state.period.start && entitlements.periodEnd == state.period.end)
        #expect(entitlements.mailsPerPeriod == 50_000 && entitlements.users == 5)
        #expect(try await ground.allowances() == [10_000, 50_000])
        let act = try #require(try await ground.acts().last { $0.action == "subscription.change" })
        #expect(act.metadata["source"] == "event")
        #expect(act.changes.contains(.init(path: "plan", before: "starter", after: "professional")))
        #expect(ground.stripe.violations == [])
    }

    @Test(
        "late, out of order and replayed, every event leads to what is so now",
        arguments: [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1], [0, 0, 2]])
    func order(of events: [Int]) async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter")
        let types = ["customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"]
        // What each of them said when it was written; created is to the second, so they tie.
        let first = ground.stripe.signed(types[0], subscription, created: ground.now)
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        let second = ground.stripe.signed(types[1], subscription, created: ground.now)
        ground.stripe.set(["id": .text(subscription), "status": "canceled"])
        let third = ground.stripe.signed(types[2], subscription, created: ground.now)
        // Linked before it ended, as it is when the first event came in time.
        try await ground.database.query(
            "update subscriptions set stripe_subscription = \(subscription), status = 'active' where tenant_id = \(ground.tenant)")
        for index in events {
            #expect(try await ground.deliver([first, second, third][index]) == 200)
            try await ground.work()
            #expect(try await ground.state().status == "canceled")
            #expect(try await ground.access() == .cancelled)
        }
        #expect(try await ground.states().count == Set(events).count)
        #expect(try await ground.acts().filter { $0.action == "subscription.change" }.count == 1)
    }

    @Test("of readings that cross, none that is older is written over a newer one")
    func races() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        let statuses = ["active", "past_due", "unpaid", "paused"]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    ground.stripe.set(["id": .text(subscription), "status": .text(statuses[number % statuses.count])])
                    for _ in 0..<50 {
                        do {
                            try await ground.sync.sync(ground.tenant, cause: SyncCause(source: number.isMultiple(of: 2) ? .event : .reconcile))
                            return
                        } catch is SubscriptionSync.Contended {}
                    }
                    Issue.record("never had its turn")
                }
            }
            try await group.waitForAll()
        }
        #expect(try await ground.state().status == ground.stripe.object(subscription)?["status"].string)
    }

    @Test("a reading that was overtaken by a newer one is not written: it begins anew")
    func overtaken() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        let calls = ground.stripe.calls("GET /v1/subscriptions").count
        // Reads that all is well, and hears the answer late.
        ground.stripe.fail("GET /v1/subscriptions", .timeout(.milliseconds(1_500)), after: true)
        async let late = ground.sync.sync(ground.tenant, cause: .reconcile)
        try await eventually("Stripe was asked") { ground.stripe.calls("GET /v1/subscriptions").count == calls + 1 }
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        try await ground.sync.sync(ground.tenant, cause: SyncCause(source: .event, event: "evt_1"))
        #expect(try await late.status == "past_due")
        #expect(try await ground.state().status == "past_due")
        #expect(ground.stripe.calls("GET /v1/subscriptions").count == calls + 3)
        #expect(try await ground.acts().filter { $0.action == "subscription.change" }.count == 2)
    }

    @Test("a price that nobody knows keeps the plan and raises a flag; one that replaced another is found by its product")
    func prices() async throws {
        let ground = try await FollowerGround.make()
        ground.stripe.price("price_other", amount: 100)
        ground.stripe.price("price_pro_old", amount: 9_900)
        try await ground.database.query("update plans set stripe_product = 'prod_of_price_pro_old' where code = 'professional'")
        _ = try await ground.subscribed("price_other")
        var state = try await ground.state()
        #expect(state.plan == "starter" && state.flags == [SubscriptionState.Flag.unknownPrice] && state.amount == 100)
        #expect(try await ground.acts().contains { $0.action == "subscription.flag" })
        let item = try #require(state.item)
        let price = try #require(ground.stripe.object("price_pro_old"))
        let subscription = try #require(state.subscription)
        var changed = try #require(ground.stripe.object(subscription))
        changed["items"]["data"][0]["price"] = price
        ground.stripe.set(changed)
        try await ground.hear("customer.subscription.updated", subscription)
        state = try await ground.state()
        #expect(state.plan == "professional" && state.flags == [] && state.amount == 9_900 && state.item == item)
    }

    @Test("an end is seen in whichever way Stripe says it, and so is its being taken back", arguments: ["cancel_at", "cancel_at_period_end"])
    func cancelAt(field: String) async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        let end = try await ground.state().period.end
        ground.stripe.set([
            "id": .text(subscription), "cancel_at_period_end": .boolean(field == "cancel_at_period_end"),
            "cancel_at": field == "cancel_at" ? .integer(Int64(end.timeIntervalSince1970)) : .null,
        ])
        try await ground.hear("customer.subscription.updated", subscription)
        #expect(try await ground.state().cancelAt == end)
        ground.stripe.set(["id": .text(subscription), "cancel_at_period_end": false, "cancel_at": .null])
        try await ground.hear("customer.subscription.updated", subscription)
        #expect(try await ground.state().cancelAt == nil)
        #expect(try await ground.access() == .full)
    }

    @Test("of two that live the linked one stays, the other is flagged once and never cancelled; when the linked one ends, the other follows")
    func duplicates() async throws {
        let ground = try await FollowerGround.make()
        let first = try await ground.subscribed()
        ground.advance(60)
        let second = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_pro")
        for _ in 0..<2 { try await ground.hear("customer.subscription.created", second) }
        var state = try await ground.state()
        #expect(state.subscription == first && state.plan == "starter" && state.flags == [SubscriptionState.Flag.duplicate])
        #expect(try await ground.acts().filter { $0.action == "subscription.flag" }.count == 1)
        #expect(ground.stripe.calls("DELETE").isEmpty)
        ground.stripe.set(["id": .text(first), "status": "canceled"])
        try await ground.hear("customer.subscription.deleted", first)
        state = try await ground.state()
        #expect(state.subscription == second && state.plan == "professional" && state.flags == [])
        #expect(try await ground.access() == .full)
    }

    @Test("one whose first payment is open takes nobody's trial away, and one that ended long ago neither", arguments: ["incomplete", "canceled"])
    func notYet(status: String) async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter", status: status)
        try await ground.hear("customer.subscription.updated", subscription)
        #expect(try await ground.state().subscription == nil)
        #expect(try await ground.state().status == "trialing")
        #expect(try await ground.access() == .full)
    }

    @Test("a planned change is read from its schedule, and gone with it")
    func schedule() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed("price_pro")
        let end = try await ground.state().period.end
        ground.stripe.set([
            "id": "sub_sched_1", "object": "subscription_schedule", "status": "active", "subscription": .text(subscription),
            "phases": [
                ["start_date": .integer(Int64(ground.now.timeIntervalSince1970)), "items": [["price": "price_pro", "quantity": 1]]],
                ["start_date": .integer(Int64(end.timeIntervalSince1970)), "items": [["price": "price_starter", "quantity": 1]]],
            ],
        ])
        ground.stripe.set(["id": .text(subscription), "schedule": "sub_sched_1"])
        try await ground.hear("customer.subscription.updated", subscription)
        var state = try await ground.state()
        #expect(state.plan == "professional" && state.scheduledPlan == "starter" && state.scheduledInterval == "month" && state.scheduledAt == end)
        ground.stripe.set(["id": .text(subscription), "schedule": .null])
        try await ground.hear("customer.subscription.updated", subscription)
        state = try await ground.state()
        #expect(state.schedule == nil && state.scheduledPlan == nil && state.scheduledAt == nil)
    }

    @Test(
        "which of several subscriptions counts",
        arguments: [
            ("sub_a", ["sub_a": "active", "sub_b": "active"], "sub_a", ["sub_b"]),
            ("sub_a", ["sub_a": "past_due", "sub_b": "unpaid"], "sub_a", ["sub_b"]),
            ("sub_a", ["sub_a": "past_due", "sub_b": "active"], "sub_b", ["sub_a"]),
            ("sub_a", ["sub_a": "canceled", "sub_b": "active"], "sub_b", []),
            ("sub_a", ["sub_a": "canceled", "sub_b": "incomplete"], "sub_a", []),
            (nil, ["sub_a": "unpaid", "sub_b": "trialing"], "sub_b", ["sub_a"]), (nil, ["sub_a": "canceled"], nil, []), (nil, [:], nil, []),
            ("sub_x", ["sub_a": "active"], "sub_a", []), ("sub_a", ["sub_a": "a_word_of_2030", "sub_b": "active"], "sub_b", ["sub_a"]),
        ] as [(String?, [String: String], String?, [String])])
    func choice(linked: String?, statuses: [String: String], chosen: String?, duplicates: [String]) throws {
        let all = try statuses.map { id, status in
            try StripeJSON.decoder.decode(
                StripeSubscription.self, from: Data(#"{"id":"\#(id)","status":"\#(status)","items":{"data":[]},"created":1800000000}"#.utf8))
        }
        let choice = SubscriptionChoice.make(linked: linked, among: all)
        #expect(choice.chosen?.id == chosen && choice.duplicates == duplicates)
    }
}
