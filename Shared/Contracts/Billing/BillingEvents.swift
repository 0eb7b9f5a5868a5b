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
}
