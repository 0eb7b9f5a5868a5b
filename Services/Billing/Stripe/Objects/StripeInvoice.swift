import Foundation

/// What is owed for a period, or would be; a preview may lack what only an invoice has.
struct StripeInvoice: Decodable, Sendable, Equatable {
    struct Parent: Decodable, Sendable, Equatable {
        struct SubscriptionDetails: Decodable, Sendable, Equatable {
            @StripeReference var subscription: String?
            let metadata: [String: String]?
        }
        let type: String?
        let subscriptionDetails: SubscriptionDetails?
    }

    struct ConfirmationSecret: Decodable, Sendable, Equatable {
        let clientSecret: String?
    }

    struct Line: Decodable, Sendable, Equatable {
        struct Period: Decodable, Sendable, Equatable {
            let start: Date?
            let end: Date?
        }
        struct Pricing: Decodable, Sendable, Equatable {
            struct Details: Decodable, Sendable, Equatable {
                @StripeReference var price: String?
                @StripeReference var product: String?
            }
            let priceDetails: Details?
        }
        struct Parent: Decodable, Sendable, Equatable {
            struct Item: Decodable, Sendable, Equatable {
                /// Whether it makes up for a change in the middle of a period.
                let proration: Bool?
                @StripeReference var subscription: String?
            }
            let subscriptionItemDetails: Item?
            let invoiceItemDetails: Item?
        }
        let id: String?
        let amount: Int64
        let currency: String?
        let description: String?
        let quantity: Int64?
        let period: Period?
        let pricing: Pricing?
        let parent: Parent?

        var isProration: Bool { (parent?.subscriptionItemDetails ?? parent?.invoiceItemDetails)?.proration ?? false }
    }

    let id: String?
    @StripeReference var customer: String?
    let status: String?
    let number: String?
    let billingReason: String?
    let amountDue: Int64
    let amountPaid: Int64?
    let amountRemaining: Int64?
    let subtotal: Int64?
    let total: Int64
    let startingBalance: Int64?
    let currency: String
    let created: Date?
    let dueDate: Date?
    let nextPaymentAttempt: Date?
    let attemptCount: Int64?
    let hostedInvoiceUrl: String?
    let invoicePdf: String?
    let periodStart: Date?
    let periodEnd: Date?
    let parent: Parent?
    let confirmationSecret: ConfirmationSecret?
    let lines: StripeList<Line>?
    let metadata: [String: String]?

    /// The subscription that it is for, where it is for one.
    var subscription: String? { parent?.subscriptionDetails?.subscription }
}
