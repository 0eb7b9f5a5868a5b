import Foundation

/// Something that is sold, of whatever price.
struct StripeProduct: Decodable, Sendable, Equatable {
    let id: String
    let name: String?
    let active: Bool?
    let deleted: Bool?
    let created: Date?
    let metadata: [String: String]?
}

/// What a product costs; what it is never changes, only whether it is offered.
struct StripePrice: Decodable, Sendable, Equatable {
    struct Recurring: Decodable, Sendable, Equatable {
        /// `day`, `week`, `month` or `year`.
        let interval: String
        let intervalCount: Int64?
    }

    let id: String
    let active: Bool?
    let currency: String
    /// In minor units; nil for what is not counted in whole ones.
    let unitAmount: Int64?
    let recurring: Recurring?
    let lookupKey: String?
    @StripeReference var product: String?
    let created: Date?
    let metadata: [String: String]?

    /// What one costs; nil where Stripe gives no whole number.
    var money: Money? { unitAmount.map { Money(amount: $0, currency: currency) } }
}
