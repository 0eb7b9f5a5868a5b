import Contracts
import Foundation

/// What somebody wants to buy, by our own names; no price is among them.
struct CheckoutOrder: Sendable, Equatable {
    enum Choice: Sendable, Equatable {
        case plan(String, BillingInterval, currency: String)
        case pack(String)
    }

    /// Where it is paid.
    enum Surface: String, Sendable {
        /// On a page of Stripe's.
        case hosted
        /// In our own page, by Stripe's elements.
        case elements
    }

    let choice: Choice
    let surface: Surface

    /// One session is open for each at a time.
    var purpose: String {
        switch choice {
        case .plan: "subscription"
        case .pack: "mail_pack"
        }
    }
}

/// A session at Stripe in which something can be paid, as it is kept here.
struct Checkout: Sendable, Equatable {
    enum Status: String, Sendable {
        /// Asked for; whether it is there only Stripe knows.
        case opening
        case open, completed, expired, failed
    }

    let id: UUID
    let order: CheckoutOrder
    let status: Status
    let session: String?
    let url: String?
    let createdAt: Date
    let expiresAt: Date
}

/// What a browser needs to go on paying.
struct CheckoutAnswer: Encodable, Sendable, Equatable {
    let id: EntityID<Checkout>
    let session: String
    /// Where to send the browser; nil when it is paid in our own page.
    let url: String?
    /// For Stripe's elements; nil when it is paid on Stripe's page.
    let clientSecret: String?
    let expiresAt: Date
}
