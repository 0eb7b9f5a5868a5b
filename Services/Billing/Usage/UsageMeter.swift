import Foundation

/// Reckoning with what was used of a limit: functions from numbers to numbers.
enum UsageMeter {
    /// From where a tenant is warned, the highest first.
    static let levels = [100, 90, 80]

    /// Whole percents, rounded down; nil when there is no limit. Nothing allowed is all used.
    static func percent(_ taken: Int64, of limit: Int64?) -> Int? {
        guard let limit else { return nil }
        guard limit > 0 else { return 100 }
        let (scaled, overflow) = taken.multipliedReportingOverflow(by: 100)
        return Int(overflow ? taken / limit * 100 : scaled / limit)
    }

    /// The highest level that is reached; nil below the lowest.
    static func warning(_ percent: Int?) -> Int? {
        guard let percent else { return nil }
        return levels.first { percent >= $0 }
    }

    /// How old a period is when it first says how it will end: before, one day's campaign would look like a flood.
    static let foresight: Int64 = 3 * 86_400

    /// How much will be used by the period's end when it goes on like this, never less than what is taken already; nil while that is too early to say.
    static func forecast(taken: Int64, period: BillingPeriod, now: Date) -> Int64? {
        let length = Int64(period.end.timeIntervalSince(period.start).rounded())
        let elapsed = Int64(now.timeIntervalSince(period.start).rounded())
        guard elapsed < length else { return taken }
        guard elapsed >= foresight else { return nil }
        let (product, overflow) = taken.multipliedReportingOverflow(by: length)
        return overflow ? taken : max(taken, product / elapsed)
    }
}
