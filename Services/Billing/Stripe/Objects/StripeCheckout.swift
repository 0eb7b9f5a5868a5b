import Foundation

/// One visit to pay for something.
struct StripeCheckoutSession: Decodable, Sendable, Equatable {
    let id: String
    /// Stripe's page; nil once it is over and where it is paid in a page of ours.
    let url: String?
    /// `open`, `complete` or `expired`.
    let status: String?
    /// `paid`, `unpaid` or `no_payment_required`.
    let paymentStatus: String?
    /// `payment`, `subscription` or `setup`.
    let mode: String?
    let uiMode: String?
    let clientSecret: String?
    let clientReferenceId: String?
    @StripeReference var subscription: String?
    @StripeReference var paymentIntent: String?
    @StripeReference var invoice: String?
    @StripeReference var customer: String?
    let expiresAt: Date?
    let created: Date?
    let metadata: [String: String]?
    let amountTotal: Int64?
    let currency: String?
}

/// A short visit to Stripe's customer portal.
struct StripePortalSession: Decodable, Sendable, Equatable {
    let id: String
    let url: String
    let customer: String?
    let created: Date?
}
