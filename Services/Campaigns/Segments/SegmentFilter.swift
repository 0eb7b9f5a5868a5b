import Contracts
import Foundation

/// Which leads a segment means: conditions, joined by all, any and not.
indirect enum SegmentFilter: Sendable, Equatable {
    case all([SegmentFilter])
    case any([SegmentFilter])
    /// Those to which it does not apply.
    case not(SegmentFilter)
    case condition(Condition)

    struct Condition: Sendable, Equatable {
        let field: String
        let comparison: Comparison
        var value: JSON?
        /// Which campaign's mails are meant, for what people did with mails; nil for any.
        var campaign: CampaignID?
    }

    /// What stands as `operator`.
    enum Comparison: String, Sendable, CaseIterable {
        case equals
        case notEquals = "not_equals"
        case contains
        case notContains = "not_contains"
        case startsWith = "starts_with"
        case greaterThan = "greater_than"
        case lessThan = "less_than"
        case after
        case before
        case between
        case isIn = "in"
        case notIn = "not_in"
        case isSet = "is_set"
        case isNotSet = "is_not_set"
    }

    /// Why a filter cannot be a segment's, and where: `all.1.any.0.value`; empty for the filter as a whole.
    struct Invalid: Error, Sendable, Equatable {
        let path: String
        /// What to do about it.
        let detail: String
    }

    enum Limits {
        static let depth = 8
        static let conditions = 100
        static let values = 500
        static let characters = 1_000
    }
}
