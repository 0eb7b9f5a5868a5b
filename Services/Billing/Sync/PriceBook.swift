import Postgres

/// Our plans by Stripe's prices and products.
struct PriceBook: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        let plan: String
        let interval: String
    }

    var byPrice: [String: Entry] = [:]
    var planByProduct: [String: String] = [:]

    /// By the price, or by its product: a price that was replaced is still its plan's.
    func plan(of price: StripePrice) -> String? {
        byPrice[price.id]?.plan ?? price.product.flatMap { planByProduct[$0] }
    }

    static func read(in database: Database) async throws -> PriceBook {
        let prices = try await database.query("select stripe_price, plan, interval from plan_prices where stripe_price is not null")
        let products = try await database.query("select stripe_product, code from plans where stripe_product is not null")
        return PriceBook(
            byPrice: try Dictionary(
                uniqueKeysWithValues: prices.map {
                    (try $0.decode("stripe_price"), Entry(plan: try $0.decode("plan"), interval: try $0.decode("interval")))
                }), planByProduct: try Dictionary(uniqueKeysWithValues: products.map { (try $0.decode("stripe_product"), try $0.decode("code")) }))
    }
}
