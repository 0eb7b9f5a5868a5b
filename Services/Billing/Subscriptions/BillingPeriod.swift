import Foundation

/// A stretch of time that a quota holds for; the end is the next one's start.
struct BillingPeriod: Sendable, Equatable {
    let start: Date
    let end: Date

    /// The period that `instant` falls into when this one is followed by months.
    ///
    /// Each month is counted from this period's end, so the 31st comes back after a short month.
    func renewed(at instant: Date) -> BillingPeriod {
        var current = self
        var months = 0
        while current.end <= instant {
            months += 1
            current = BillingPeriod(start: current.end, end: Self.calendar.date(byAdding: .month, value: months, to: end) ?? .distantFuture)
        }
        return current
    }

    private static let calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()
}
