import Foundation
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("Editing plans")
struct PlanEditorTests {
    private static let limits =
        #"{"mails":12000,"users":3,"workspaces":3,"domains":null,"mailboxes":10,"leads":10000,"api_calls_per_minute":60}"#

    private func body(_ limits: String = PlanEditorTests.limits, name: String = "Starter") -> String {
        #"{"name":"\#(name)","limits":\#(limits),"is_public":true,"stripe_product":"prod_1","reason":"the new price list"}"#
    }

    @Test("a plan is read with its ETag, changed only by whoever read it, and holds for its tenants at once")
    func change() async throws {
        let ground = try await StripeGround.make()
        let read = try await ground.staff(.get, "plans/starter")
        let tag = try #require(read.headers[.eTag])
        #expect(read.body.contains(#""mails":10000"#) && read.body.contains(#""interval":"month""#), "\(read.body)")
        #expect(try await ground.staff(.put, "plans/starter", body()).status == 428)
        let changed = try await ground.staff(.put, "plans/starter", body(), headers: [.ifMatch: tag])
        #expect(changed.status == 200 && changed.headers[.eTag] != tag, "\(changed.body)")
        #expect(try await ground.staff(.put, "plans/starter", body(name: "Beginner"), headers: [.ifMatch: tag]).status == 412)
        let entitlements = try await ground.entitlements()
        #expect(entitlements.users == 3 && entitlements.domains == nil && entitlements.workspaces == 3)
        let trail = try await ground.trail("plan.change")
        #expect(trail.count == 1 && trail[0].tenant == nil)
        let changes = trail[0].audit?.changes.map(\.path) ?? []
        #expect(changes == ["stripe_product", "limits.domains", "limits.mails", "limits.users"])
        #expect(try await ground.staff(.get, "plans/none").status == 404)
        #expect(try await ground.staff(.put, "plans/none", body(), headers: [.ifMatch: "*"]).status == 404)
        // A product is one plan's.
        #expect(try await ground.staff(.put, "plans/business", body(), headers: [.ifMatch: "*"]).body.contains("stripe_id_taken"))
    }

    @Test(
        "a plan that leaves a limit out, or says what cannot be, is a 400",
        arguments: [
            #"{"mails":1}"#, #"{"mails":null,"users":3,"workspaces":3,"domains":null,"mailboxes":10,"leads":10000,"api_calls_per_minute":60}"#,
            #"{"mails":1,"users":-3,"workspaces":3,"domains":null,"mailboxes":10,"leads":10000,"api_calls_per_minute":60}"#,
            #"{"mails":1,"users":3,"workspaces":3,"domains":null,"mailboxes":10,"leads":10000,"api_calls_per_minute":60,"gods":1}"#,
        ])
    func invalid(limits: String) async throws {
        let ground = try await StripeGround.make()
        let answer = try await ground.staff(.put, "plans/starter", body(limits), headers: [.ifMatch: "*"])
        #expect(answer.status == 400, "\(answer.body)")
    }

    @Test("every edit of a plan has those who have it looked at again, also one that says what is so already")
    func wakes() async throws {
        let ground = try await StripeGround.make()
        let now = ground.fixture.house.clock.clock.now
        #expect(try await ground.staff(.put, "plans/starter", body(), headers: [.ifMatch: "*"]).status == 200)
        // As if nobody had been woken by the first.
        try await ground.worker.query("update subscriptions set access_due_at = \(now + 86_400) where tenant_id = \(ground.fixture.tenant)")
        #expect(try await ground.staff(.put, "plans/business", body(), headers: [.ifMatch: "*"]).body.contains("stripe_id_taken"))
        func dueAt() async throws -> Date? {
            try await ground.worker.query("select access_due_at from subscriptions where tenant_id = \(ground.fixture.tenant)")[0]
                .decodeOptional("access_due_at")
        }
        #expect(try await dueAt() == now + 86_400)
        #expect(try await ground.staff(.put, "plans/starter", body(), headers: [.ifMatch: "*"]).status == 200)
        #expect(try await dueAt() == now)
    }

    @Test("a price is what Stripe says of it, or it is refused; one at Stripe keeps its amount, and prices that are not named stay")
    func prices() async throws {
        let ground = try await StripeGround.make()
        ground.stripe.price("price_new", amount: 5_900)
        ground.stripe.price("price_eur", amount: 5_500, currency: "eur")
        ground.stripe.price("price_once", amount: 5_900, interval: nil)
        func put(_ prices: String) async throws -> StripeGround.Answer {
            try await ground.staff(
                .put, "plans/starter/prices", #"{"prices":[\#(prices)],"reason":"the new price list"}"#, headers: [.ifMatch: "*"])
        }
        func price(_ amount: Int, _ id: String, _ currency: String = "USD") -> String {
            #"{"interval":"month","currency":"\#(currency)","amount":\#(amount),"stripe_price":"\#(id)"}"#
        }
        #expect(try await put(price(5_800, "price_new")).body.contains("stripe_price_differs"))
        #expect(try await put(price(5_900, "price_once")).body.contains("stripe_price_differs"))
        #expect(try await put(price(5_900, "price_none")).body.contains("stripe_price_unknown"))
        let set = try await put("\(price(5_900, "price_new")),\(price(5_500, "price_eur", "EUR"))")
        #expect(set.status == 200 && set.body.contains(#""stripe_price":"price_eur""#) && set.body.contains(#""amount":47040"#), "\(set.body)")
        let row = try await ground.worker.query("select monthly_price, yearly_price, currency from plans where code = 'starter'")[0]
        #expect(try row.decode("monthly_price", as: Int64.self) == 5_900 && row.decode("yearly_price", as: Int64.self) == 47_040)
        for bad in ["", price(-1, "price_new"), price(1, "prod_1"), price(1, "price_new", "XYZ"), "\(price(1, "price_a")),\(price(1, "price_b"))"] {
            #expect(try await put(bad).status == 400, "\(bad)")
        }
        #expect(try await ground.trail("plan.set_prices").count == 1)
        #expect(ground.stripe.violations.isEmpty, "\(ground.stripe.violations)")
    }

    @Test("where Stripe cannot be asked, a price that is there still keeps its amount")
    func fixedPrices() async throws {
        let bare = try await BillingFixture.make()
        let ground = StripeGround(stripe: try await StripeDouble.start(), fixture: bare)
        func put(_ amount: Int, _ id: String) async throws -> StripeGround.Answer {
            let price = #"{"interval":"month","currency":"USD","amount":\#(amount),"stripe_price":"\#(id)"}"#
            return try await ground.staff(
                .put, "plans/starter/prices", #"{"prices":[\#(price)],"reason":"the new price list"}"#, headers: [.ifMatch: "*"])
        }
        #expect(try await put(4_900, "price_a").status == 200)
        #expect(try await put(5_900, "price_a").body.contains("price_is_fixed"))
        #expect(try await put(5_900, "price_b").status == 200)
    }
}
