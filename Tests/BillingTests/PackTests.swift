import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Billing

@Suite("Mails of a period follow what was paid")
struct PackTests {
    @Test("a new period has the plan's mails; an upgrade raises the period's, a downgrade leaves it what was paid for")
    func periods() async throws {
        let ground = try await FollowerGround.make()
        ground.advance(60)
        let subscription = try await ground.subscribed()
        #expect(try await ground.allowances() == [10_000, 10_000])
        func change(_ price: String) async throws {
            var changed = try #require(ground.stripe.object(subscription))
            changed["items"]["data"][0]["price"] = try #require(ground.stripe.object(price))
            ground.stripe.set(changed)
            try await ground.hear("customer.subscription.updated", subscription)
        }
        try await change("price_pro")
        #expect(try await ground.allowances() == [10_000, 50_000])
        try await change("price_starter")
        #expect(try await ground.allowances() == [10_000, 50_000])
        #expect(try await ground.state().plan == "starter")
        try ground.renew(subscription)
        ground.advance(32 * FollowerGround.day)
        try await ground.hear("invoice.paid", try #require(ground.stripe.object(subscription)?["latest_invoice"].string))
        #expect(try await ground.allowances() == [10_000, 50_000, 10_000])
    }

    @Test(
        "a year has twelve stretches of mails",
        arguments: [("2026-03-31", "2026-04-30"), ("2026-04-30", "2026-05-31"), ("2027-02-28", "2027-03-31")])
    func year(start: String, end: String) throws {
        func day(_ text: String) throws -> Date { try #require(WireJSON.parse("\(text)T00:00:00Z")) }
        let paid = BillingPeriod(start: try day("2026-03-31"), end: try day("2027-03-31"))
        let expected = BillingPeriod(start: try day(start), end: try day(end))
        #expect(paid.mailPeriod(at: expected.start, interval: "year") == expected)
        #expect(paid.mailPeriod(at: expected.end - 1, interval: "year") == expected)
        #expect(paid.mailPeriod(at: expected.start, interval: "month") == paid)
        // After its end the months go on until Stripe has said what follows.
        #expect(paid.mailPeriod(at: paid.end, interval: "year") == BillingPeriod(start: paid.end, end: try day("2027-04-30")))
    }

    @Test("a yearly subscription has the month's mails, not the year's")
    func yearly() async throws {
        let ground = try await FollowerGround.make()
        ground.advance(60)
        _ = try await ground.subscribed("price_year")
        let entitlements = try await ground.entitlements()
        #expect(entitlements.mailsPerPeriod == 10_000)
        #expect(entitlements.periodEnd.timeIntervalSince(entitlements.periodStart) <= 31 * FollowerGround.day)
        #expect(try await ground.state().period.end > entitlements.periodEnd)
    }

    @Test("a pack is booked once, whichever of its events comes and however often")
    func pack() async throws {
        let ground = try await FollowerGround.make()
        _ = try await ground.subscribed()
        let (session, payment) = try await buy(ground)
        for _ in 0..<2 {
            try await ground.hear("payment_intent.succeeded", payment)
            try await ground.hear("checkout.session.completed", session)
        }
        #expect(try await ground.entitlements().mailsPerPeriod == 20_000)
        #expect(try await ground.acts().filter { $0.action == "pack.buy" }.count == 1)
        let status: String = try await ground.database.query("select status from checkouts")[0].decode("status")
        #expect(status == "completed")
    }

    @Test("a checkout that is complete and not paid books nothing until the payment has come")
    func delayed() async throws {
        let ground = try await FollowerGround.make()
        _ = try await ground.subscribed()
        let (session, _) = try await buy(ground)
        ground.stripe.set(["id": .text(session), "payment_status": "unpaid"])
        try await ground.hear("checkout.session.completed", session)
        #expect(try await ground.entitlements().mailsPerPeriod == 10_000)
        ground.stripe.set(["id": .text(session), "payment_status": "paid"])
        try await ground.hear("checkout.session.async_payment_succeeded", session)
        #expect(try await ground.entitlements().mailsPerPeriod == 20_000)
    }

    @Test(
        "money back takes its mails back, but none that was used",
        arguments: [(0, 1_000, 10_000), (0, 500, 15_000), (17_000, 1_000, 17_000), (0, 1, 19_990)] as [(Int64, Int64, Int64)])
    func refund(used: Int64, refunded: Int64, left: Int64) async throws {
        let ground = try await FollowerGround.make()
        _ = try await ground.subscribed()
        let (session, payment) = try await buy(ground)
        try await ground.hear("checkout.session.completed", session)
        let start = try await ground.entitlements().periodStart
        try await ground.database.query(
            "update mail_periods set used = \(used) where tenant_id = \(ground.tenant) and period_start = \(start)")
        let charge = try #require(ground.stripe.object(payment)?["latest_charge"].string)
        ground.stripe.set(["id": .text(charge), "amount_refunded": .integer(refunded), "refunded": .boolean(refunded == 1_000)])
        for _ in 0..<2 { try await ground.hear("charge.refunded", charge) }
        #expect(try await ground.entitlements().mailsPerPeriod == left)
        // What follows does not give them back.
        try await ground.sync.sync(ground.tenant, cause: .reconcile)
        #expect(try await ground.entitlements().mailsPerPeriod == left)
        #expect(try await ground.acts().contains { $0.action == "payment.refund" })
    }

    @Test("money that went back before the payment was heard of takes its mails with it")
    func refundedBefore() async throws {
        let ground = try await FollowerGround.make()
        _ = try await ground.subscribed()
        let (session, payment) = try await buy(ground)
        let charge = try #require(ground.stripe.object(payment)?["latest_charge"].string)
        ground.stripe.set(["id": .text(charge), "amount_refunded": 500])
        try await ground.hear("charge.refunded", charge)
        try await ground.hear("checkout.session.completed", session)
        try await ground.hear("payment_intent.succeeded", payment)
        #expect(try await ground.entitlements().mailsPerPeriod == 15_000)
        #expect(try await ground.acts().filter { $0.action == "pack.buy" }.count == 1)
    }

    @Test("a pack that is paid while nothing runs is good for the next period")
    func waiting() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        ground.advance(15 * FollowerGround.day)
        let (session, _) = try await buy(ground)
        for _ in 0..<2 { try await ground.hear("checkout.session.completed", session) }
        #expect(try await ground.allowances() == [10_000])
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_pro")
        try await ground.hear("customer.subscription.created", subscription)
        #expect(try await ground.allowances() == [10_000, 60_000])
        try await ground.sync.sync(ground.tenant, cause: .reconcile)
        #expect(try await ground.allowances() == [10_000, 60_000])
        #expect(try await ground.acts().filter { $0.action == "pack.buy" }.count == 1)
    }

    @Test("a dispute is in the trail of whoever paid")
    func dispute() async throws {
        let ground = try await FollowerGround.make()
        _ = try await ground.subscribed()
        let (_, payment) = try await buy(ground)
        let charge = try #require(ground.stripe.object(payment)?["latest_charge"].string)
        ground.stripe.set(["id": "dp_1", "object": "dispute", "charge": .text(charge)])
        try await ground.hear("charge.dispute.created", "dp_1")
        #expect(try await ground.acts().last { $0.action == "payment.dispute" }?.targets.first?.id == "dp_1")
    }

    @Test("a grant says how many mails there are, up or down, while it holds")
    func grant() async throws {
        let ground = try await FollowerGround.make()
        let identifier = UUID.v7(at: ground.now)
        func settle() async throws {
            let announcer = AccessAnnouncer(clock: ground.billing.house.clock.clock, outbox: ground.billing.house.house.outbox)
            try await ground.database.transaction { try await announcer.settle(ground.tenant, cause: SyncCause(source: .staff), in: $0) }
        }
        let grants: [(String, Int64, Int64?)] = [
            (#"{"mails":25000,"users":null}"#, 25_000, nil), (#"{"mails":400,"users":9}"#, 400, 9),
        ]
        for (limits, mails, users) in grants {
            try await ground.database.query(
                """
                insert into access_grants (tenant_id, id, limits, reason, granted_by, starts_at)
                values (\(ground.tenant), \(identifier), \(PostgresJSON(text: limits)), 'r', 'g', \(ground.now))
                on conflict (tenant_id, id) do update set limits = excluded.limits
                """)
            try await settle()
            #expect(try await ground.entitlements().mailsPerPeriod == mails)
            #expect(try await ground.entitlements().users == users)
        }
        try await ground.database.query("update access_grants set revoked_at = \(ground.now) where tenant_id = \(ground.tenant)")
        try await settle()
        #expect(try await ground.entitlements().mailsPerPeriod == 10_000)
        #expect(try await ground.entitlements().users == 2)
    }

    /// A pack's checkout that we opened and that the person has paid: the session and the payment.
    private func buy(_ ground: FollowerGround) async throws -> (session: String, payment: String) {
        let session = "cs_test_pack"
        let metadata: DoubleJSON = ["tenant": .text(ground.tenant.description), "pack": "mails_10000"]
        ground.stripe.set([
            "id": .text(session), "object": "checkout.session", "mode": "payment", "customer": .text(FollowerGround.customer), "metadata": metadata,
            "payment_intent_data": ["metadata": metadata], "amount_total": 1_000, "currency": "usd",
        ])
        try await ground.database.query(
            """
            insert into checkouts (tenant_id, id, stripe_session, purpose, pack, status, created_by, created_at, expires_at)
            values (\(ground.tenant), \(UUID.v7(at: ground.now)), \(session), 'mail_pack', 'mails_10000', 'open', 'u', \(ground.now),
                    \(ground.now + 3_600))
            """)
        return (session, try ground.stripe.complete(checkout: session))
    }
}
