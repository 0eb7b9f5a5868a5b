import Contracts
import Foundation

/// What a change would do, before anybody agrees to it.
struct ChangePreview: Encodable, Sendable {
    let plan: String
    let interval: BillingInterval
    let direction: ChangeDirection
    /// By Stripe's own reckoning; nothing for what begins with the next period.
    let amountDueNow: MoneyAnswer
    /// What is paid for each period from then on.
    let price: MoneyAnswer
    let effectiveAt: Date
    /// Limits of the plan that the company is over; a downgrade is refused while there are any.
    let exceeds: [ExceededLimit]
    /// Sent with the change, it costs what stands here; nil for what costs nothing now.
    let previewToken: String?
    /// Until when the token holds.
    let validUntil: Date?
}

/// What became of something that was asked for, and the subscription as it is now.
struct ChangeAnswer: Encodable, Sendable {
    enum Outcome: String, Encodable, Sendable {
        case changed
        /// It was so already.
        case unchanged
        /// It will be, when the period ends.
        case scheduled
        /// Somebody has to confirm the payment, or pay by other means: then it happens by itself.
        case requiresAction = "requires_action"
        case paid
        /// The bank has not answered yet.
        case processing
    }

    let outcome: Outcome
    /// For Stripe's elements.
    let clientSecret: String?
    /// A page of Stripe's on which it can be confirmed or paid.
    let hostedUrl: String?
    let subscription: SubscriptionAnswer
}

/// What is left to do for a payment.
struct PaymentAction: Sendable, Equatable {
    let clientSecret: String?
    let hostedUrl: String?

    init(_ invoice: StripeInvoice) {
        clientSecret = invoice.confirmationSecret?.clientSecret
        hostedUrl = invoice.hostedInvoiceUrl
    }
}
