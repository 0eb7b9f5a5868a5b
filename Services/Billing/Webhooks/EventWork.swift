import Contracts

/// What an event is about: the object that is read again because of it.
enum EventWork: Sendable, Equatable {
    /// All subscriptions of the customer.
    case subscriptions(customer: String)
    case checkout(String)
    case payment(String)
    /// A way of payment that was to be kept.
    case setup(String)
    case charge(String)
    case dispute(String)
    /// A connected account.
    case account(String)
    /// Nothing of ours changes with it.
    case nothing

    static func of(_ event: InboxEvent) -> EventWork {
        // On a connected account: never looked for among the platform's own objects.
        guard event.account.isEmpty else { return accountTypes.contains(event.type) ? .account(event.account) : .nothing }
        guard let object = event.objectID, platformTypes.contains(event.type) else { return .nothing }
        switch event.type {
        case "customer.updated", "customer.deleted": return .subscriptions(customer: object)
        case let type where type.hasPrefix("checkout.session."): return .checkout(object)
        case let type where type.hasPrefix("payment_intent."): return .payment(object)
        case let type where type.hasPrefix("setup_intent."): return .setup(object)
        case let type where type.hasPrefix("charge.dispute."): return .dispute(object)
        case let type where type.hasPrefix("charge."): return .charge(object)
        default: return event.customer.map { .subscriptions(customer: $0) } ?? .nothing
        }
    }

    /// What the endpoint `/webhooks/stripe` is to be subscribed to, and what the sweep asks for.
    static let platformTypes = [
        "checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
        "checkout.session.expired", "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
        "customer.subscription.paused", "customer.subscription.resumed", "customer.subscription.trial_will_end", "invoice.paid",
        "invoice.payment_failed", "invoice.payment_action_required", "invoice.finalization_failed", "customer.updated", "customer.deleted",
        "payment_intent.succeeded", "setup_intent.succeeded", "charge.refunded", "charge.dispute.created", "charge.dispute.closed",
    ]

    /// What the endpoint `/webhooks/stripe/connect` is to be subscribed to.
    static let accountTypes = ["account.updated", ConnectSync.deauthorization, "payout.failed"]
}
