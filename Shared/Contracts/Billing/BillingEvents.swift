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
}
