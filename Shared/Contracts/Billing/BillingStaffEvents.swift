/// What the platform's people did, what a recount put right, and what became of accounts that charge for their owners.
extension BillingEvents {
    /// One of the platform's people acted on billing; `act` is the trail's word for it.
    public struct StaffActed: Event {
        public static let name = "billing.staff.acted"
        public var act: String
        /// What it was done to: a grant, a plan, an event of Stripe, a company.
        public var target: String

        public init(act: String, target: String) {
            self.act = act
            self.target = target
        }
    }

    /// The owner counted otherwise than Billing had it; the owner's count holds.
    public struct ResourceRecounted: Event {
        public static let name = "billing.resource.recounted"
        public var resource: BillingRPC.Resource
        public var before: Int64
        public var after: Int64

        public init(resource: BillingRPC.Resource, before: Int64, after: Int64) {
            self.resource = resource
            self.before = before
            self.after = after
        }
    }

    /// A company's own account at Stripe was made, may do something else than before, or was taken from us.
    public struct ConnectAccountChanged: Event {
        public static let name = "billing.connect.accountChanged"
        public var account: String
        public var chargesEnabled: Bool
        public var payoutsEnabled: Bool

        public init(account: String, chargesEnabled: Bool, payoutsEnabled: Bool) {
            self.account = account
            self.chargesEnabled = chargesEnabled
            self.payoutsEnabled = payoutsEnabled
        }
    }

    /// Somebody was led into Stripe's form for the company's own account.
    public struct ConnectOnboardingOpened: Event {
        public static let name = "billing.connect.onboardingOpened"
        public var account: String

        public init(account: String) {
            self.account = account
        }
    }

    /// A company asked one of its own clients for money.
    public struct ConnectPaymentBegun: Event {
        public static let name = "billing.connect.paymentBegun"
        public var payment: String
        public var amount: Int64
        public var currency: String
        public var fee: Int64

        public init(payment: String, amount: Int64, currency: String, fee: Int64) {
            self.payment = payment
            self.amount = amount
            self.currency = currency
            self.fee = fee
        }
    }
}
