import Foundation

/// Which of a customer's subscriptions at Stripe is the tenant's.
struct SubscriptionChoice: Sendable, Equatable {
    /// Nil when there is none to go by: then nothing changes.
    let chosen: StripeSubscription?
    /// Others for which the customer pays as well; never cancelled by us.
    let duplicates: [String]

    /// The one that is linked as long as it is paid, or lives and no other is paid; otherwise the best that has begun. One whose first payment is
    /// open is none yet, and one that has ended takes nobody's trial away.
    static func make(linked: String?, among all: [StripeSubscription]) -> SubscriptionChoice {
        let living = all.filter { $0.hasBegun && !$0.hasEnded }.sorted(by: precedes)
        let known = all.first { $0.id == linked }
        let linkedLives = known.flatMap { $0.hasEnded ? nil : $0 }
        let paying = linkedLives.flatMap { $0.isPaid ? $0 : nil } ?? living.first { $0.isPaid }
        let chosen = paying ?? linkedLives ?? living.first ?? known
        return SubscriptionChoice(chosen: chosen, duplicates: living.map(\.id).filter { $0 != chosen?.id }.sorted())
    }

    private static func precedes(_ first: StripeSubscription, _ second: StripeSubscription) -> Bool {
        if first.isPaid != second.isPaid { return first.isPaid }
        let (one, other) = (first.created ?? .distantPast, second.created ?? .distantPast)
        return one == other ? first.id < second.id : one > other
    }
}

extension StripeSubscription {
    /// For good: nothing brings it back.
    var hasEnded: Bool { SubscriptionState.hasEnded(status) }
    fileprivate var hasBegun: Bool { status != "incomplete" && status != "incomplete_expired" }
    fileprivate var isPaid: Bool { status == "active" || status == "trialing" }

    /// The item that the plan is bought with: the one with a price of ours, where there are several.
    func item(in prices: PriceBook) -> Item? {
        items.data.first { prices.plan(of: $0.price) != nil } ?? items.data.first
    }
}

extension StripeSubscription.Item {
    /// What is paid a period, in minor units; nil where Stripe gives no whole number.
    var amount: Int64? {
        guard let (total, isTooMuch) = price.unitAmount?.multipliedReportingOverflow(by: quantity ?? 1), !isTooMuch else { return nil }
        return total
    }
}
