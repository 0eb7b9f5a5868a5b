public import Foundation

/// What people of a company asked of billing; what came of it is told as changes of the subscription.
extension BillingEvents {
    /// A page was opened in which something can be paid.
    public struct CheckoutOpened: Event {
        public static let name = "billing.checkout.opened"
        public var checkout: UUID
        /// `subscription` or `mail_pack`.
        public var purpose: String

        public init(checkout: UUID, purpose: String) {
            self.checkout = checkout
            self.purpose = purpose
        }
    }

    /// A payment, or a way of payment to keep, was begun in our own page.
    public struct IntentOpened: Event {
        public static let name = "billing.intent.opened"
        /// Stripe's name of it: `seti_…` keeps a way of payment, `pi_…` pays.
        public var intent: String

        public init(intent: String) {
            self.intent = intent
        }
    }

    public struct PortalOpened: Event {
        public static let name = "billing.portal.opened"

        public init() {}
    }

    public struct PlanChangeRequested: Event {
        public static let name = "billing.change.requested"
        public var plan: String
        public var interval: String

        public init(plan: String, interval: String) {
            self.plan = plan
            self.interval = interval
        }
    }

    /// What was planned for the period's end is not to be.
    public struct PlannedChangeDropped: Event {
        public static let name = "billing.change.dropped"

        public init() {}
    }

    /// The subscription is to end with its period.
    public struct RenewalStopped: Event {
        public static let name = "billing.renewal.stopped"

        public init() {}
    }

    /// It is to go on after all.
    public struct RenewalResumed: Event {
        public static let name = "billing.renewal.resumed"

        public init() {}
    }

    public struct PaymentRetried: Event {
        public static let name = "billing.payment.retried"
        public var invoice: String
        public var outcome: String

        public init(invoice: String, outcome: String) {
            self.invoice = invoice
            self.outcome = outcome
        }
    }
}
