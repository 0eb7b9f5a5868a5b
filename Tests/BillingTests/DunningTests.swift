import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Billing

@Suite("Dunning, trials and grants")
struct DunningTests {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)
    static let day: TimeInterval = 86_400

    struct Case: Sendable {
        var status: String
        var trialLeft: TimeInterval?
        var unpaidFor: TimeInterval?
        var grant: AccessGrant?
        var expected: BillingRPC.Access
    }

    static let cases: [Case] = [
        Case(status: "active", expected: .full), Case(status: "trialing", expected: .full), Case(status: "trialing", trialLeft: 1, expected: .full),
        Case(status: "trialing", trialLeft: 0, expected: .readOnly), Case(status: "trialing", trialLeft: -1, expected: .readOnly),
        Case(status: "past_due", expected: .grace), Case(status: "past_due", unpaidFor: 0, expected: .grace),
        Case(status: "past_due", unpaidFor: 604_799, expected: .grace), Case(status: "past_due", unpaidFor: 604_800, expected: .readOnly),
        Case(status: "past_due", unpaidFor: 1_209_599, expected: .readOnly), Case(status: "past_due", unpaidFor: 1_209_600, expected: .readOnly),
        Case(status: "unpaid", expected: .readOnly), Case(status: "unpaid", unpaidFor: 1, expected: .readOnly),
        Case(status: "unpaid", unpaidFor: 1_209_599, expected: .readOnly), Case(status: "unpaid", unpaidFor: 1_209_600, expected: .readOnly),
        Case(status: "paused", expected: .readOnly),
        Case(status: "incomplete", expected: .readOnly), Case(status: "canceled", expected: .cancelled),
        Case(status: "incomplete_expired", expected: .cancelled), Case(status: "a_word_of_2030", expected: .readOnly),
        Case(status: "canceled", grant: AccessGrant(access: .full, limits: [:], endsAt: nil), expected: .full),
        Case(status: "canceled", grant: AccessGrant(access: .full, limits: [:], endsAt: now + 1), expected: .full),
        Case(status: "canceled", grant: AccessGrant(access: .full, limits: [:], endsAt: now), expected: .cancelled),
        Case(status: "active", grant: AccessGrant(access: .readOnly, limits: [:], endsAt: nil), expected: .readOnly),
        Case(status: "past_due", unpaidFor: 700_000, grant: AccessGrant(access: nil, limits: ["mails": 1], endsAt: nil), expected: .readOnly),
    ]

    @Test("access follows from the status, the clock and a grant", arguments: cases)
    func matrix(given: Case) {
        let now = Self.now
        let facts = AccessFacts(
            status: given.status, trialEndsAt: given.trialLeft.map { now + $0 }, pastDueSince: given.unpaidFor.map { now - $0 }, grant: given.grant)
        #expect(facts.access(at: now) == given.expected)
        let isUnpaid = ["past_due", "unpaid"].contains(given.status)
        #expect(facts.isCancelDue(at: now) == (isUnpaid && given.unpaidFor ?? 0 >= 1_209_600))
        // The clock alone changes nothing before it says so.
        if let next = facts.nextChange(after: now) { #expect(facts.access(at: next - 0.001) == given.expected) }
    }

    @Test(
        "of an unpaid one the clock speaks until the day on which it is cancelled",
        arguments: [
            ("past_due", 0.0, 7.0), ("past_due", 7, 14), ("past_due", 14, nil), ("unpaid", 0, 14), ("unpaid", 8, 14), ("unpaid", 14, nil),
        ] as [(String, Double, Double?)])
    func nextChange(status: String, day: Double, next: Double?) {
        let since = Self.now
        let facts = AccessFacts(status: status, trialEndsAt: nil, pastDueSince: since, grant: nil)
        let now = since + day * Self.day
        let expected = next.map { since + $0 * Self.day }
        #expect(facts.nextChange(after: now) == expected)
        // Whoever should have been cancelled by now is looked at again soon.
        let known = AccessAnnouncer.Known(facts: facts, trialEndsAt: nil, isAtStripe: true, announced: "read_only", grantsChangeAt: nil)
        #expect(known.nextLook(after: now) == (expected ?? now + 300))
        #expect(AccessFacts(status: "paused", trialEndsAt: nil, pastDueSince: since, grant: nil).nextChange(after: now) == nil)
    }

    @Test("what Stripe calls unpaid is cancelled on day 14, too, counted from when it was past due")
    func unpaidAtStripe() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await Self.unpaid(ground)
        ground.advance(10 * Self.day)
        ground.stripe.set(["id": .text(subscription), "status": "unpaid"])
        try await ground.hear("customer.subscription.updated", subscription)
        #expect(try await ground.access() == .readOnly)
        ground.advance(4 * Self.day - 60)
        try await ground.follower.dunning.runOnce()
        #expect(ground.stripe.calls("DELETE").isEmpty)
        ground.advance(60)
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.state().status == "canceled")
        #expect(ground.stripe.object(subscription)?["status"].string == "canceled")
        #expect(try await ground.announced() == ["grace 2", "read_only 3", "cancelled 4"])
    }

    @Test("day 7 stops sending, day 14 asks Stripe to end it, and read-only it stays until Stripe has said so")
    func clock() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await Self.unpaid(ground)
        #expect(try await ground.access() == .grace)
        ground.advance(7 * Self.day - 60)
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.access() == .grace)
        ground.advance(60)
        #expect(try await ground.access() == .readOnly)
        try await ground.follower.dunning.runOnce()
        ground.advance(7 * Self.day - 60)
        try await ground.follower.dunning.runOnce()
        #expect(ground.stripe.calls("DELETE").isEmpty)
        // Asked, and not answered.
        ground.stripe.fail("DELETE /v1/subscriptions", .status(500), times: 10)
        ground.advance(60)
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.state().status == "past_due")
        #expect(try await ground.state().cancelRequestedAt != nil)
        #expect(try await ground.access() == .readOnly)
        ground.stripe.recover()
        ground.advance(600)
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.state().status == "canceled")
        #expect(try await ground.access() == .cancelled)
        #expect(ground.stripe.object(subscription)?["status"].string == "canceled")
        #expect(Set(ground.stripe.calls("DELETE").map(\.key)).count == 1)
        #expect(try await ground.announced() == ["grace 2", "read_only 3", "cancelled 4"])
        #expect(try await ground.acts().filter { $0.action == "subscription.cancel" }.count == 1)
        ground.advance(30 * Self.day)
        #expect(try await ground.follower.dunning.runOnce() == 0)
    }

    @Test("a payment restores at once, and the next failure begins at day 0 again")
    func restored() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await Self.unpaid(ground)
        ground.advance(8 * Self.day)
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.access() == .readOnly)
        ground.stripe.set(["id": .text(subscription), "status": "active"])
        try await ground.hear("invoice.paid", try Self.invoice(ground, subscription))
        #expect(try await ground.access() == .full)
        #expect(try await ground.state().pastDueSince == nil)
        #expect(try await ground.announced() == ["grace 2", "read_only 3", "full 4"])
        ground.advance(20 * Self.day)
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        try await ground.hear("customer.subscription.updated", subscription)
        #expect(try await ground.access() == .grace)
    }

    @Test("a payment of which nobody told us keeps what day 14 would have ended")
    func paidUnheard() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await Self.unpaid(ground)
        ground.advance(14 * Self.day)
        ground.stripe.set(["id": .text(subscription), "status": "active"])
        try await ground.follower.dunning.runOnce()
        #expect(ground.stripe.calls("DELETE").isEmpty)
        #expect(try await ground.access() == .full)
    }

    @Test("what was paid since it was read, also when it is unpaid again, is not ended by the old reading")
    func paidSinceRead() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await Self.unpaid(ground)
        ground.advance(14 * Self.day)
        let old = try await ground.state()
        for status in ["active", "past_due"] {
            ground.stripe.set(["id": .text(subscription), "status": .text(status)])
            try await ground.sync.sync(ground.tenant, cause: .reconcile)
            ground.advance(60)
            try await ground.follower.cancellation.cancelUnpaid(ground.tenant, old)
            #expect(ground.stripe.calls("DELETE").isEmpty)
            #expect(try await ground.state().cancelRequestedAt == nil)
        }
    }

    @Test("while Stripe does not answer, nothing is ended by what we believe")
    func unreachable() async throws {
        let ground = try await FollowerGround.make()
        _ = try await Self.unpaid(ground)
        ground.advance(14 * Self.day)
        ground.stripe.fail("GET /v1/subscriptions", .status(500), times: 100)
        try await ground.follower.dunning.runOnce()
        #expect(ground.stripe.calls("DELETE").isEmpty)
        #expect(try await ground.access() == .readOnly)
        #expect(try await ground.announced().last == "read_only 3")
        ground.stripe.recover()
        ground.advance(600)
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.access() == .cancelled)
    }

    @Test("the days count from when the invoice fell due, where Stripe says it")
    func since() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        let due = Date(timeIntervalSince1970: (ground.now + 3_600).timeIntervalSince1970.rounded(.down))
        ground.stripe.set([
            "id": .text(try Self.invoice(ground, subscription)), "status": "open", "due_date": .integer(Int64(due.timeIntervalSince1970)),
        ])
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        ground.advance(3 * Self.day)
        try await ground.hear("invoice.payment_failed", try Self.invoice(ground, subscription))
        #expect(try await ground.state().pastDueSince == due)
        #expect(try await ground.acts().contains { $0.action == "payment.fail" && $0.outcome == .failure })
        // A later attempt that fails begins nothing anew.
        ground.advance(Self.day)
        try await ground.hear("invoice.payment_failed", try Self.invoice(ground, subscription))
        #expect(try await ground.state().pastDueSince == due)
    }

    @Test("nobody ends what staff let go on")
    func granted() async throws {
        let ground = try await FollowerGround.make()
        _ = try await Self.unpaid(ground)
        try await ground.database.query(
            """
            insert into access_grants (tenant_id, id, access, reason, granted_by, starts_at, ends_at)
            values (\(ground.tenant), \(UUID.v7(at: ground.now)), 'full', 'r', 'g', \(ground.now), \(ground.now + 20 * Self.day))
            """)
        ground.advance(15 * Self.day)
        try await ground.follower.dunning.runOnce()
        #expect(ground.stripe.calls("DELETE").isEmpty)
        #expect(try await ground.access() == .full)
        ground.advance(6 * Self.day)
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.access() == .cancelled)
    }

    @Test("the end of the built-in trial is told to everyone once, by the clock, also where there is no Stripe")
    func trial() async throws {
        let fixture = try await BillingFixture.make()
        let dunning = fixture.service.follower.dunning
        func told() async throws -> Int {
            try await fixture.house.house.worker.query("select count(*) as n from outbox where type = 'billing.access.changed'")[0].decode("n")
        }
        #expect(try await dunning.runOnce() == 0)
        fixture.house.clock.advance(by: .seconds(14 * 86_400 - 1))
        #expect(try await dunning.runOnce() == 0)
        fixture.house.clock.advance(by: .seconds(1))
        #expect(try await dunning.runOnce() == 1)
        #expect(try await told() == 1)
        fixture.house.clock.advance(by: .seconds(86_400))
        #expect(try await dunning.runOnce() == 0)
        #expect(try await told() == 1)
    }

    @Test("when a trial at Stripe ends is for Stripe to say")
    func trialAtStripe() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let end = ground.now + 3 * Self.day
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter", status: "trialing", trialEnd: end)
        try await ground.hear("customer.subscription.created", subscription)
        ground.advance(3 * Self.day + 60)
        #expect(try await ground.access() == .full)
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        try await ground.follower.dunning.runOnce()
        #expect(try await ground.access() == .grace)
    }

    @Test("a grant that begins or ends by itself is told when it does")
    func grantClock() async throws {
        let ground = try await FollowerGround.make()
        ground.advance(20 * Self.day)
        try await ground.follower.dunning.runOnce()
        let (tenant, now) = (ground.tenant, ground.now)
        try await ground.database.transaction { transaction in
            try await transaction.query(
                """
                insert into access_grants (tenant_id, id, access, reason, granted_by, starts_at, ends_at)
                values (\(tenant), \(UUID.v7(at: now)), 'full', 'r', 'g', \(now + 3_600), \(now + 7_200))
                """)
            try await ground.follower.dunning.announcer.settle(tenant, cause: SyncCause(source: .staff), in: transaction)
        }
        for _ in 0..<3 {
            ground.advance(3_600)
            try await ground.follower.dunning.runOnce()
        }
        #expect(try await ground.announced() == ["read_only 2", "full 3", "read_only 4"])
    }

    /// A subscription whose payment is missing since now, and of which we have heard.
    private static func unpaid(_ ground: FollowerGround) async throws -> String {
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        try await ground.hear("customer.subscription.updated", subscription)
        return subscription
    }

    private static func invoice(_ ground: FollowerGround, _ subscription: String) throws -> String {
        try #require(ground.stripe.object(subscription)?["latest_invoice"].string)
    }
}
