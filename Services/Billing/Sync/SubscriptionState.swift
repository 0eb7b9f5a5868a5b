import Contracts
import Foundation

/// What is kept of a subscription at Stripe: what a reading makes of what was known.
struct SubscriptionState: Sendable, Equatable {
    enum Flag {
        static let duplicate = "duplicate_subscription"
        static let missing = "missing_at_stripe"
        static let unknownPrice = "unknown_price"
    }

    var plan: String
    var status: String
    var period: BillingPeriod
    var trialEndsAt: Date?
    var subscription: String?
    var item: String?
    var price: String?
    var interval: String?
    var amount: Int64?
    var currency: String?
    var cancelAt: Date?
    var pastDueSince: Date?
    var schedule: String?
    var scheduledPlan: String?
    var scheduledInterval: String?
    var scheduledAt: Date?
    var cancelRequestedAt: Date?
    var flags: [String]

    /// What a reading of `now` makes of it; pure, so that every order of readings can be tried.
    func applying(_ reading: SubscriptionReading, now: Date) -> SubscriptionState {
        var state = self
        var flags: Set<String> = []
        if reading.isLinkedMissing { flags.insert(Flag.missing) }
        if !reading.choice.duplicates.isEmpty { flags.insert(Flag.duplicate) }
        if let chosen = reading.choice.chosen {
            state.take(chosen, reading, now: now)
            let known = chosen.item(in: reading.prices).map { reading.prices.plan(of: $0.price) != nil } ?? true
            if !known { flags.insert(Flag.unknownPrice) }
        }
        state.flags = flags.sorted()
        return state
    }

    private mutating func take(_ chosen: StripeSubscription, _ reading: SubscriptionReading, now: Date) {
        let isAnother = subscription != chosen.id
        subscription = chosen.id
        status = chosen.status
        trialEndsAt = chosen.trialEnd
        if let found = chosen.item(in: reading.prices) {
            item = found.id
            price = found.price.id
            plan = reading.prices.plan(of: found.price) ?? plan
            interval = ["month", "year"].first { $0 == found.price.recurring?.interval }
            amount = found.amount
            currency = found.price.currency.uppercased()
            if let start = found.currentPeriodStart, let end = found.currentPeriodEnd, start < end { period = BillingPeriod(start: start, end: end) }
        }
        cancelAt = chosen.cancelAt ?? (chosen.cancelAtPeriodEnd == true ? period.end : nil)
        // A payment that is missing is missing since the first time we know of, until it came or the subscription is another one.
        if Self.isUnpaid(chosen.status) {
            let told = reading.unpaidSince.map { min($0, now) } ?? now
            pastDueSince = isAnother ? told : pastDueSince ?? told
            if isAnother { cancelRequestedAt = nil }
        } else {
            pastDueSince = nil
            cancelRequestedAt = nil
        }
        schedule = chosen.schedule
        scheduledPlan = reading.scheduled?.plan
        scheduledInterval = reading.scheduled?.interval
        scheduledAt = reading.scheduled?.at
    }

    /// Stripe's words for subscriptions that can never be one again.
    static let ended = ["canceled", "incomplete_expired"]

    /// For good: nothing brings it back.
    static func hasEnded(_ status: String) -> Bool { ended.contains(status) }

    /// Whether a payment is missing for something that goes on.
    static func isUnpaid(_ status: String) -> Bool { status == "past_due" || status == "unpaid" }

    /// What differs, for the audit trail.
    func changes(from old: SubscriptionState) -> [AuditRecord.Change] {
        var changes: [AuditRecord.Change] = []
        func compare<Value: Equatable>(_ path: String, _ value: KeyPath<SubscriptionState, Value>, _ text: (Value) -> String?) {
            guard old[keyPath: value] != self[keyPath: value] else { return }
            changes.append(.init(path: path, before: text(old[keyPath: value]), after: text(self[keyPath: value])))
        }
        func date(_ value: Date?) -> String? { value.map { WireJSON.format($0) } }
        compare("plan", \.plan) { $0 }
        compare("status", \.status) { $0 }
        compare("period_start", \.period.start) { date($0) }
        compare("period_end", \.period.end) { date($0) }
        compare("trial_ends_at", \.trialEndsAt) { date($0) }
        compare("stripe_subscription", \.subscription) { $0 }
        compare("stripe_item", \.item) { $0 }
        compare("stripe_price", \.price) { $0 }
        compare("interval", \.interval) { $0 }
        compare("amount", \.amount) { $0.map { String($0) } }
        compare("currency", \.currency) { $0 }
        compare("cancel_at", \.cancelAt) { date($0) }
        compare("past_due_since", \.pastDueSince) { date($0) }
        compare("stripe_schedule", \.schedule) { $0 }
        compare("scheduled_plan", \.scheduledPlan) { $0 }
        compare("scheduled_interval", \.scheduledInterval) { $0 }
        compare("scheduled_at", \.scheduledAt) { date($0) }
        compare("flags", \.flags) { $0.joined(separator: " ") }
        return changes
    }
}
