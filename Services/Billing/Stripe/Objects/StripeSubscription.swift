import Foundation

/// A subscription as Stripe has it; its periods are on its items.
struct StripeSubscription: Decodable, Sendable, Equatable {
    struct Item: Decodable, Sendable, Equatable {
        let id: String
        let price: StripePrice
        let quantity: Int64?
        let currentPeriodStart: Date?
        let currentPeriodEnd: Date?
    }

    struct Items: Decodable, Sendable, Equatable {
        let data: [Item]
    }

    let id: String
    @StripeReference var customer: String?
    /// As Stripe names it; new words may come.
    let status: String
    let items: Items
    let cancelAt: Date?
    let cancelAtPeriodEnd: Bool?
    let canceledAt: Date?
    let endedAt: Date?
    let trialEnd: Date?
    @StripeReference var latestInvoice: String?
    @StripeReference var schedule: String?
    @StripeReference var defaultPaymentMethod: String?
    let currency: String?
    let metadata: [String: String]?
    let created: Date?

    /// When it ends by somebody's wish, in whichever of Stripe's two ways it was said.
    var endsAt: Date? {
        cancelAt ?? (cancelAtPeriodEnd == true ? items.data.compactMap(\.currentPeriodEnd).max() : nil)
    }
}

/// A subscription's changes to come.
struct StripeSubscriptionSchedule: Decodable, Sendable, Equatable {
    struct Phase: Decodable, Sendable, Equatable {
        struct Item: Decodable, Sendable, Equatable {
            @StripeReference var price: String?
            let quantity: Int64?
        }
        let items: [Item]
        let startDate: Date?
        let endDate: Date?
    }

    struct CurrentPhase: Decodable, Sendable, Equatable {
        let startDate: Date?
        let endDate: Date?
    }

    let id: String
    /// `not_started`, `active`, `completed`, `released` or `canceled`.
    let status: String
    @StripeReference var customer: String?
    @StripeReference var subscription: String?
    let releasedSubscription: String?
    let endBehavior: String?
    let phases: [Phase]
    let currentPhase: CurrentPhase?
    let created: Date?
    let metadata: [String: String]?
}
