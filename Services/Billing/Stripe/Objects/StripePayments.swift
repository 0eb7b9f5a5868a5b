import Foundation

/// A payment under way or done.
struct StripePaymentIntent: Decodable, Sendable, Equatable {
    struct Failure: Decodable, Sendable, Equatable {
        let type: String?
        let code: String?
        let declineCode: String?
        let message: String?
    }

    let id: String
    /// `requires_payment_method`, `requires_action`, `processing`, `succeeded`, `canceled`, …
    let status: String
    let amount: Int64
    let amountReceived: Int64?
    let currency: String
    let clientSecret: String?
    @StripeReference var customer: String?
    @StripeReference var latestCharge: String?
    @StripeReference var paymentMethod: String?
    let applicationFeeAmount: Int64?
    let description: String?
    let created: Date?
    let canceledAt: Date?
    let lastPaymentError: Failure?
    let metadata: [String: String]?
}

/// Keeping a way of payment for later.
struct StripeSetupIntent: Decodable, Sendable, Equatable {
    let id: String
    let status: String
    let clientSecret: String?
    @StripeReference var customer: String?
    @StripeReference var paymentMethod: String?
    let usage: String?
    let created: Date?
    let metadata: [String: String]?
}

/// Money that was taken, and what was given back of it.
struct StripeCharge: Decodable, Sendable, Equatable {
    let id: String
    let status: String?
    let amount: Int64
    let amountRefunded: Int64?
    let refunded: Bool?
    let disputed: Bool?
    let paid: Bool?
    let currency: String
    @StripeReference var customer: String?
    @StripeReference var paymentIntent: String?
    let receiptUrl: String?
    let failureCode: String?
    let created: Date?
    let metadata: [String: String]?
}

/// A payment that the customer's bank calls in question.
struct StripeDispute: Decodable, Sendable, Equatable {
    let id: String
    let status: String
    let reason: String?
    let amount: Int64
    let currency: String
    @StripeReference var charge: String?
    @StripeReference var paymentIntent: String?
    let created: Date?
}
