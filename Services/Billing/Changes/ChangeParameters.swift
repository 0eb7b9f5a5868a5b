import Foundation

/// What is sent to Stripe to change a plan: decisions without effects.
enum ChangeParameters {
    /// What an upgrade would cost at a given second.
    static func preview(customer: String?, subscription: String, item: String, price: String, at second: Int64) -> StripeParameters {
        let details: [(String, StripeValue)] = [
            ("items", items(item, price)), ("proration_behavior", "always_invoice"), ("proration_date", .integer(second)),
        ]
        var parameters: StripeParameters = ["subscription": .text(subscription), "subscription_details": .map(details)]
        if let customer { parameters["customer"] = .text(customer) }
        return parameters
    }

    /// Invoiced at once. The plan changes when it is paid and not before: whoever has to confirm the payment does so and has the plan then, and
    /// whoever cannot pay keeps the old one. (With `error_if_incomplete` a card that wants confirmation could never upgrade.)
    static func upgrade(item: String, price: String, at second: Int64?) -> StripeParameters {
        var parameters: StripeParameters = [
            "items": items(item, price), "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete",
        ]
        if let second { parameters["proration_date"] = .integer(second) }
        return parameters
    }

    private static func items(_ item: String, _ price: String) -> StripeValue {
        .list([.map([("id", .text(item)), ("price", .text(price))])])
    }

    /// A downgrade: as it is until the period ends, then the other price; after one period of that the schedule lets go of the subscription.
    struct Downgrade {
        let from: String
        let quantity: Int64
        let to: String
        let interval: BillingInterval
        /// Of the phase that runs; it must stay what it is.
        let start: Date
        let end: Date
        let metadata: [(String, StripeValue)]

        var parameters: StripeParameters {
            let running: [(String, StripeValue)] = [
                ("items", items(from)), ("start_date", .integer(start.stripeSeconds)), ("end_date", .integer(end.stripeSeconds)),
                ("proration_behavior", "none"),
            ]
            let duration: [(String, StripeValue)] = [("interval", .text(interval.rawValue)), ("interval_count", 1)]
            let next: [(String, StripeValue)] = [
                ("items", items(to)), ("duration", .map(duration)), ("proration_behavior", "none"), ("metadata", .map(metadata)),
            ]
            return [
                "end_behavior": "release", "proration_behavior": "none", "metadata": .map(metadata), "phases": .list([.map(running), .map(next)]),
            ]
        }

        private func items(_ price: String) -> StripeValue {
            .list([.map([("price", .text(price)), ("quantity", .integer(quantity))])])
        }
    }
}

extension Date {
    /// As Stripe counts time.
    var stripeSeconds: Int64 { Int64(timeIntervalSince1970.rounded(.down)) }
}
