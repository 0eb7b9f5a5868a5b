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
            current = BillingPeriod(start: current.end, end: Self.month(months, after: end))
        }
        return current
    }

    /// The stretch of mails that `instant` falls into, when this is what is paid for: mails are counted by the month, so a year has twelve.
    func mailPeriod(at instant: Date, interval: String?) -> BillingPeriod {
        guard interval == "year", instant < end else { return renewed(at: instant) }
        var current = BillingPeriod(start: start, end: min(end, Self.month(1, after: start)))
        var months = 1
        while current.end <= instant {
            months += 1
            current = BillingPeriod(start: current.end, end: min(end, Self.month(months, after: start)))
        }
        return current
    }

    /// The part of it that mails are counted in after `counted`, which must not be counted in twice when it began later than this.
    func following(_ counted: BillingPeriod) -> BillingPeriod {
        start >= counted.start ? self : BillingPeriod(start: counted.end, end: end)
    }

    private static func month(_ number: Int, after date: Date) -> Date {
        calendar.date(byAdding: .month, value: number, to: date) ?? .distantFuture
    }

    private static let calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()
}
