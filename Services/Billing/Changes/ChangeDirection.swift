import Foundation

/// What a change of plan means for money and time.
enum ChangeDirection: String, Codable, Sendable {
    /// At once, paid in part for the rest of the period.
    case upgrade
    /// When the period ends, so that nothing that was paid is lost and no credit is left.
    case downgrade
    case same

    struct Place: Sendable, Equatable {
        let plan: String
        /// Among the plans; a later one is more.
        let position: Int
        let interval: BillingInterval
    }

    /// At once only what is more in no way less: from a year to a month would leave most of the year as credit.
    static func of(_ from: Place, to target: Place) -> ChangeDirection {
        if from.plan == target.plan, from.interval == target.interval { return .same }
        return target.position >= from.position && target.interval.months >= from.interval.months ? .upgrade : .downgrade
    }
}
