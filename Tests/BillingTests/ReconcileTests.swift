import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Billing

@Suite("Reconciliation with Stripe")
struct ReconcileTests {
    @Test("what changed without our hearing of it is put right, and the trail says what was before and why it was looked at")
    func repaired() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        var outcome = try await ground.follower.upkeep.reconciliation.run()
        #expect(outcome == .init(listed: 1))
        ground.stripe.set(["id": .text(subscription), "status": "canceled"])
        outcome = try await ground.follower.upkeep.reconciliation.run()
        #expect(outcome == .init(listed: 1, reread: 1))
        #expect(try await ground.access() == .cancelled)
        let act = try #require(try await ground.acts().last { $0.action == "subscription.change" })
        #expect(act.metadata["source"] == "reconcile")
        #expect(act.changes.contains(.init(path: "status", before: "active", after: "canceled")))
        #expect(try await ground.follower.upkeep.reconciliation.run() == .init(listed: 1))
    }

    @Test("a paid subscription whose every event was lost is found by the tenant's name on it")
    func neverHeardOf() async throws {
        let ground = try await FollowerGround.make()
        try ground.stripe.subscribe(
            customer: FollowerGround.customer, price: "price_pro", metadata: ["tenant": .text(ground.tenant.description)])
        try ground.stripe.subscribe(customer: "cus_stranger", price: "price_pro")
        let outcome = try await ground.follower.upkeep.reconciliation.run()
        #expect(outcome == .init(listed: 2, reread: 1, unknown: 1))
        #expect(try await ground.entitlements().plan == "professional")
    }

    @Test("more than a page is listed to its end")
    func pages() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        ground.advance(60)
        for number in 0..<120 { try ground.stripe.subscribe(customer: "cus_\(number)", price: "price_starter") }
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        let outcome = try await ground.follower.upkeep.reconciliation.run()
        #expect(outcome.listed == 121 && outcome.unknown == 120 && outcome.reread == 1)
        #expect(try await ground.access() == .grace)
    }

    @Test("an answer that is empty takes nobody's access: what Stripe does not know is flagged once, for a person")
    func empty() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        try await ground.database.query(
            """
            update subscriptions set stripe_subscription = 'sub_gone', status = 'active', trial_ends_at = null where tenant_id = \(ground.tenant)
            """)
        for _ in 0..<2 {
            let outcome = try await ground.follower.upkeep.reconciliation.run()
            #expect(outcome.listed == 0 && outcome.missing == 1)
        }
        let state = try await ground.state()
        #expect(state.status == "active" && state.subscription == "sub_gone" && state.flags == [SubscriptionState.Flag.missing])
        #expect(try await ground.access() == .full)
        #expect(try await ground.acts().filter { $0.action == "subscription.flag" }.count == 1)
    }

    @Test("whoever compares says so after a hundred companies at most, also of those that Stripe did not list")
    func goesOn() async throws {
        let ground = try await FollowerGround.make()
        let end = ground.now + 86_400
        try await ground.database.query(
            """
            insert into subscriptions (tenant_id, plan, status, period_start, period_end, created_at, stripe_subscription)
            select gen_random_uuid(), 'starter', 'active', \(ground.now), \(end), \(ground.now), 'sub_gone_' || n from generate_series(1, 101) n
            """)
        var told = 0
        let outcome = try await ground.follower.upkeep.reconciliation.run { told += 1 }
        #expect(outcome.missing == 101 && outcome.reread == 101)
        #expect(told == 3)
    }

    @Test("a company of which Stripe does not answer is no reason to leave out the others, and a price that was unknown is looked at again")
    func oneOfMany() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "status": "past_due", "schedule": "sub_sched_1"])
        ground.stripe.fail("GET /v1/subscription_schedules", .status(429), times: 4)
        #expect(try await ground.follower.upkeep.reconciliation.run() == .init(listed: 1, failed: 1))
        ground.stripe.recover()
        ground.stripe.price("price_new", amount: 4_900)
        var changed = try #require(ground.stripe.object(subscription))
        changed["schedule"] = .null
        changed["status"] = "active"
        changed["items"]["data"][0]["price"] = try #require(ground.stripe.object("price_new"))
        ground.stripe.set(changed)
        #expect(try await ground.follower.upkeep.reconciliation.run() == .init(listed: 1, reread: 1))
        #expect(try await ground.state().flags == [SubscriptionState.Flag.unknownPrice])
        try await ground.database.query("update plan_prices set stripe_price = 'price_new' where plan = 'business' and interval = 'month'")
        #expect(try await ground.follower.upkeep.reconciliation.run() == .init(listed: 1, reread: 1))
        #expect(try await ground.state().plan == "business")
        #expect(try await ground.follower.upkeep.reconciliation.run() == .init(listed: 1))
    }

    @Test("an answer that failed changes nothing, and the day's work is done again soon")
    func failing() async throws {
        let ground = try await FollowerGround.make()
        _ = try await ground.subscribed()
        ground.stripe.fail("GET /v1/subscriptions", .status(500), times: 100)
        try await ground.follower.upkeep.runOnce()
        #expect(try await ground.access() == .full)
        func lastRun() async throws -> Date? {
            try await ground.database.query("select last_run_at from billing_loops where name = 'reconcile'")[0].decodeOptional("last_run_at")
        }
        #expect(try await lastRun() == nil)
        ground.stripe.recover()
        ground.advance(LoopStore.pause)
        try await ground.follower.upkeep.runOnce()
        #expect(try await lastRun() == ground.now)
    }

    @Test("one process a day does it; one that died is followed by another")
    func oneProcess() async throws {
        let ground = try await FollowerGround.make()
        let loops = ground.follower.upkeep.loops
        let begun = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { try await loops.begin(.reconcile, every: 86_400) } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(begun == 1)
        ground.advance(LoopStore.claim)
        #expect(try await loops.begin(.reconcile, every: 86_400))
        try await loops.end(.reconcile, ["listed": 1])
        #expect(try await !loops.begin(.reconcile, every: 86_400))
        ground.advance(86_400)
        #expect(try await loops.begin(.reconcile, every: 86_400))
    }

    @Test("events that Stripe could not deliver are fetched and have their effect, once")
    func sweep() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        ground.stripe.event("customer.subscription.updated", subscription, id: "evt_lost")
        ground.stripe.event("customer.subscription.updated", subscription, id: "evt_claimed_delivered")
        ground.stripe.event("product.created", "prod_1", id: "evt_other")
        ground.stripe.markDelivered("evt_claimed_delivered")
        let outcome = try await ground.follower.upkeep.sweep.run()
        #expect(outcome.found == 2)
        try await ground.work()
        #expect(try await ground.states() == ["evt_lost": "done", "evt_claimed_delivered": "done"])
        #expect(try await ground.access() == .grace)
        #expect(try await ground.follower.upkeep.sweep.run().found == 0)
        #expect(ground.stripe.violations == [])
    }

    @Test("a webhook and the comparison at the same time leave what is so, once")
    func race() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        try await ground.deliver(ground.stripe.signed("customer.subscription.updated", subscription, id: "evt_1"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask { try await ground.work() }
                group.addTask { _ = try await ground.follower.upkeep.reconciliation.run() }
            }
            try await group.waitForAll()
        }
        #expect(try await ground.state().status == "past_due")
        #expect(try await ground.acts().filter { $0.changes.contains { $0.path == "status" && $0.after == "past_due" } }.count == 1)
        #expect(try await ground.announced() == ["grace 2"])
    }

    @Test("what was handled is forgotten after ninety days, what failed is not")
    func retention() async throws {
        let ground = try await FollowerGround.make()
        for (state, age) in [("done", 91), ("ignored", 91), ("failed", 91), ("done", 89)] {
            let then = ground.now - Double(age) * 86_400
            let id = "evt_\(state)_\(age)"
            try await ground.database.query(
                """
                insert into stripe_events (id, type, created_at, received_at, source, state, next_at)
                values (\(id), 'x', \(then), \(then), 'webhook', \(state), \(then))
                """)
        }
        try await ground.follower.upkeep.runOnce()
        #expect(try await Set(ground.states().keys) == ["evt_failed_91", "evt_done_89"])
    }
}

@Suite("A company that is deleted is not charged")
struct SubscriptionCancellationTests {
    @Test("Stripe ends all of its subscriptions before anybody is answered; asked again, nothing is left to do")
    func cancelled() async throws {
        let ground = try await FollowerGround.make()
        let first = try await ground.subscribed()
        let second = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_pro")
        let request = BillingRPC.CancelSubscription(tenant: ground.tenant)
        for _ in 0..<2 { _ = try await ground.billing.billing.call(request) }
        for subscription in [first, second] { #expect(ground.stripe.object(subscription)?["status"].string == "canceled") }
        #expect(ground.stripe.calls("DELETE").count == 2)
        #expect(try await ground.access() == .cancelled)
        #expect(try await ground.announced() == ["cancelled 2"])
    }

    @Test("while Stripe does not answer it goes on, and its names are kept")
    func unreachable() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        ground.stripe.fail("DELETE /v1/subscriptions", .status(500), times: 100)
        let kind = await ground.billing.kind { try await ground.billing.billing.call(BillingRPC.CancelSubscription(tenant: ground.tenant)) }
        #expect(kind == "unavailable")
        #expect(try await ground.state().status == "active")
        let purge = BillingRPC.Purge(tenant: ground.tenant, workspace: nil)
        #expect(await ground.billing.kind { try await ground.billing.billing.call(purge) } == "subscription_not_cancelled")
        #expect(try await ground.state().subscription == subscription)
        ground.stripe.recover()
        ground.advance(60)
        _ = try await ground.billing.billing.call(BillingRPC.CancelSubscription(tenant: ground.tenant))
        for _ in 0..<10 { if try await ground.billing.billing.call(purge).isDone { break } }
        #expect(try await ground.billing.house.rows(of: ground.tenant) == [:])
    }

    @Test("what was being paid cannot become a subscription any more")
    func checkouts() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        ground.stripe.set(["id": "cs_test_1", "object": "checkout.session", "mode": "subscription", "customer": .text(FollowerGround.customer)])
        try await ground.database.query(
            """
            insert into checkouts (tenant_id, id, stripe_session, purpose, plan, interval, currency, status, created_by, created_at, expires_at)
            values (\(ground.tenant), \(UUID.v7(at: ground.now)), 'cs_test_1', 'subscription', 'starter', 'month', 'USD', 'open', 'u', \(ground.now),
                    \(ground.now + 3_600))
            """)
        _ = try await ground.billing.billing.call(BillingRPC.CancelSubscription(tenant: ground.tenant))
        #expect(ground.stripe.object("cs_test_1")?["status"].string == "expired")
        #expect(try await ground.access() == .cancelled)
        #expect(ground.stripe.violations == [])
    }
}
