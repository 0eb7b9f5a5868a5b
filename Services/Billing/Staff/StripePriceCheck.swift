import HTTP

/// Whether Stripe's price is what we are about to say it is: otherwise people would be charged another amount than they saw.
struct StripePriceCheck: Sendable {
    let stripe: StripeClient

    /// Throws a 422 unless it costs `money` each `interval`, or once for nil. Without a key of Stripe's nobody can tell, and it passes.
    func check(_ identifier: String, costs money: Money, every interval: BillingInterval?) async throws {
        guard stripe.isConfigured else { return }
        let price: StripePrice?
        do throws(StripeError) {
            price = try await stripe.forBrowser.find(StripePrice.self, "/v1/prices/\(identifier)")
        } catch {
            throw Problem(error)
        }
        guard let found = price else {
            throw Problem.unprocessable(kind: "stripe_price_unknown", title: "Stripe has no such price.", extensions: ["price": .text(identifier)])
        }
        let isSame =
            found.money == money && found.recurring?.interval == interval?.rawValue && (found.recurring?.intervalCount ?? 1) == 1
            && found.active != false
        guard isSame else {
            throw Problem.unprocessable(
                kind: "stripe_price_differs", title: "The price at Stripe is another one.",
                detail: "Amount, currency and interval must be those of Stripe's price, and it must be active.",
                extensions: ["price": .text(identifier)])
        }
    }
}

extension Problem {
    /// 422: what is sold under a price of Stripe's cannot cost something else.
    static let priceIsFixed = Problem.unprocessable(
        kind: "price_is_fixed", title: "A price at Stripe never changes its amount.",
        detail: "Make a new price at Stripe and name it in stripe_price.")

    /// 409: a name at Stripe stands for one thing here.
    static let stripeIDTaken = Problem.conflict(
        kind: "stripe_id_taken", title: "Another plan or price of ours has this product or price at Stripe.")
}
