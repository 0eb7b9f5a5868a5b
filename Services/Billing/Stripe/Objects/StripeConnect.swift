import Foundation

/// A connected account: a company that charges its own clients.
struct StripeAccount: Decodable, Sendable, Equatable {
    struct Requirements: Decodable, Sendable, Equatable {
        let currentlyDue: [String]?
        let pastDue: [String]?
        let eventuallyDue: [String]?
        let pendingVerification: [String]?
        let disabledReason: String?
        let currentDeadline: Date?
    }

    let id: String
    let country: String?
    let email: String?
    let defaultCurrency: String?
    let detailsSubmitted: Bool?
    let chargesEnabled: Bool?
    let payoutsEnabled: Bool?
    let requirements: Requirements?
    let created: Date?
    let deleted: Bool?
    let metadata: [String: String]?
}

/// A way into onboarding, good once and for minutes.
struct StripeAccountLink: Decodable, Sendable, Equatable {
    let url: String
    let expiresAt: Date?
    let created: Date?
}
