public import Foundation

/// What Billing tells everyone.
public enum BillingEvents {
    public struct TrialStarted: Event {
        public static let name = "billing.trial.started"
        public var plan: String
        public var endsAt: Date

        public init(plan: String, endsAt: Date) {
            self.plan = plan
            self.endsAt = endsAt
        }
    }

    /// What a tenant may do changed; the aggregate's version tells old from new.
    public struct AccessChanged: Event {
        public static let name = "billing.access.changed"
        public var access: BillingRPC.Access

        public init(access: BillingRPC.Access) {
            self.access = access
        }
    }

    /// A subscription is not what it was when it was last read from Stripe.
    public struct SubscriptionChanged: Event {
        public static let name = "billing.subscription.changed"
        public var plan: String
        /// As Stripe names it.
        public var status: String
        public var periodEnd: Date

        public init(plan: String, status: String, periodEnd: Date) {
            self.plan = plan
            self.status = status
            self.periodEnd = periodEnd
        }
    }

    /// Something about a subscription wants a person's eye.
    public struct SubscriptionFlagged: Event {
        public static let name = "billing.subscription.flagged"
        /// `duplicate_subscription`, `missing_at_stripe`, `unknown_price`.
        public var flags: [String]

        public init(flags: [String]) {
            self.flags = flags
        }
    }

    /// Stripe is asked to end a subscription for good.
    public struct CancellationRequested: Event {
        public static let name = "billing.subscription.cancellationRequested"
        public var subscription: String

        public init(subscription: String) {
            self.subscription = subscription
        }
    }

    /// Money that did not come, went back, or is disputed; the object is Stripe's.
    public struct PaymentNoted: Event {
        public static let name = "billing.payment.noted"
        /// `failed`, `refunded`, `disputed`, `payout_failed`.
        public var what: String
        public var object: String

        public init(what: String, object: String) {
            self.what = what
            self.object = object
        }
    }

    /// A way of payment that somebody of the company saved is what its invoices are charged to from now on.
    public struct PaymentMethodSaved: Event {
        public static let name = "billing.paymentMethod.saved"
        /// Stripe's.
        public var setupIntent: String

        public init(setupIntent: String) {
            self.setupIntent = setupIntent
        }
    }

    /// The company's customer was deleted at Stripe; what it buys next, it buys as another one.
    public struct CustomerUnlinked: Event {
        public static let name = "billing.customer.unlinked"
        public var customer: String

        public init(customer: String) {
            self.customer = customer
        }
    }

    /// Extra mails were paid, and are good until the period ends.
    public struct PackBought: Event {
        public static let name = "billing.pack.bought"
        public var pack: String
        public var mails: Int64
        public var payment: String

        public init(pack: String, mails: Int64, payment: String) {
            self.pack = pack
            self.mails = mails
            self.payment = payment
        }
    }
}
