import Foundation
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("Editing mail packs")
struct PackEditorTests {
    private static let path = "packs/mails_10000"

    private func body(_ price: String?, amount: Int64 = 1_200, currency: String = "USD", mails: Int64 = 12_000) -> String {
        let named = price.map { #""\#($0)""# } ?? "null"
        return #"{"stripe_price":\#(named),"amount":\#(amount),"currency":"\#(currency)","mails":\#(mails),"reason":"the new price list"}"#
    }

    @Test("a pack is read with its ETag, changed only by whoever read it, sold so at once, and the trail says what was before and why")
    func change() async throws {
        let ground = try await StripeGround.make()
        ground.stripe.price("price_pack", amount: 1_200, interval: nil)
        let read = try await ground.staff(.get, Self.path)
        let tag = try #require(read.headers[.eTag])
        #expect(read.body.contains(#""mails":10000"#) && read.body.contains(#""amount":1000"#), "\(read.body)")
        #expect(try await ground.staff(.put, Self.path, body("price_pack")).status == 428)
        let changed = try await ground.staff(.put, Self.path, body("price_pack"), headers: [.ifMatch: tag])
        #expect(changed.status == 200 && changed.headers[.eTag] != tag, "\(changed.body)")
        #expect(changed.body.contains(#""stripe_price":"price_pack""#) && changed.body.contains(#""mails":12000"#), "\(changed.body)")
        #expect(try await ground.staff(.put, Self.path, body("price_pack", mails: 1), headers: [.ifMatch: tag]).status == 412)
        let pack = try #require(try await PriceStore.pack("mails_10000", in: ground.worker))
        #expect(pack.stripePrice == "price_pack" && pack.mails == 12_000 && pack.money == Money(amount: 1_200, currency: "USD"))
        let list = try await ground.staff(.get, "packs")
        #expect(list.body.contains(#""code":"mails_10000""#) && list.body.contains(#""revision":2"#), "\(list.body)")
        let trail = try await ground.trail("pack.change")
        #expect(trail.count == 1 && trail[0].tenant == nil)
        #expect(trail[0].audit?.changes.map(\.path) == ["mails", "amount", "stripe_price"])
        #expect(trail[0].audit?.metadata["reason"] == "the new price list")
        #expect(ground.stripe.violations.isEmpty, "\(ground.stripe.violations)")
    }

    @Test("its price is what Stripe says of it, paid once, or it is refused; one at Stripe keeps its amount, and is one pack's")
    func prices() async throws {
        let ground = try await StripeGround.make()
        ground.stripe.price("price_pack", amount: 1_200, interval: nil)
        ground.stripe.price("price_month", amount: 1_200)
        ground.stripe.price("price_other", amount: 1_300, interval: nil)
        func put(_ body: String, _ path: String = PackEditorTests.path) async throws -> StripeGround.Answer {
            try await ground.staff(.put, path, body, headers: [.ifMatch: "*"])
        }
        #expect(try await put(body("price_month")).body.contains("stripe_price_differs"))
        #expect(try await put(body("price_pack", currency: "EUR")).body.contains("stripe_price_differs"))
        #expect(try await put(body("price_pack", amount: 1_300)).body.contains("stripe_price_differs"))
        #expect(try await put(body("price_none")).body.contains("stripe_price_unknown"))
        #expect(try await put(body("price_pack")).status == 200)
        #expect(try await put(body("price_pack", mails: 15_000)).status == 200)
        #expect(try await put(body("price_other", amount: 1_300)).status == 200)
        try await ground.worker.query("insert into mail_packs (code, mails, currency, amount) values ('mails_1', 1, 'USD', 1)")
        #expect(try await put(body("price_other", amount: 1_300), "packs/mails_1").body.contains("stripe_id_taken"))
        // None: it cannot be bought any more.
        let unsold = try await put(body(nil))
        #expect(unsold.status == 200 && !unsold.body.contains("stripe_price"), "\(unsold.body)")
        #expect(try await put(body("price_pack"), "packs/none").status == 404)
        for bad in [
            body("price_pack", amount: -1), body("prod_1"), body("price_pack", currency: "usd"), body("price_pack", currency: "XYZ"),
            body("price_pack", mails: 0), "{}",
        ] {
            #expect(try await put(bad).status == 400, "\(bad)")
        }
        #expect(try await ground.trail("pack.change").count == 4)
    }

    @Test("where Stripe cannot be asked, a price that is there still keeps its amount")
    func fixedPrices() async throws {
        let ground = StripeGround(stripe: try await StripeDouble.start(), fixture: try await BillingFixture.make())
        func put(_ price: String, _ amount: Int64) async throws -> StripeGround.Answer {
            try await ground.staff(.put, Self.path, body(price, amount: amount), headers: [.ifMatch: "*"])
        }
        #expect(try await put("price_a", 1_000).status == 200)
        #expect(try await put("price_a", 1_100).body.contains("price_is_fixed"))
        #expect(try await put("price_b", 1_100).status == 200)
    }
}
