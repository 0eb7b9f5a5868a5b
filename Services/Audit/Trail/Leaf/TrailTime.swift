import Foundation

/// An instant in UTC, in whole milliseconds, as the leaf has it and as months are named; without a formatter, since each entry needs it twice.
struct TrailTime: Sendable, Equatable {
    private let milliseconds: Int64

    /// The nearest millisecond: what comes in is one already, kept as a binary fraction.
    init(_ date: Date) {
        milliseconds = Int64((date.timeIntervalSince1970 * 1000).rounded())
    }

    /// `2026-11-23T18:00:00.123Z`.
    var text: String {
        let day = day
        let rest = milliseconds - day * 86_400_000
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60)
        let time = "\(Self.padded(hour, 2)):\(Self.padded(minute, 2)):\(Self.padded(second, 2)).\(Self.padded(rest % 1_000, 3))Z"
        let date = Self.date(ofDay: day)
        return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))T\(time)"
    }

    /// The first day of the month, `2026-11-01`.
    var month: String {
        let date = Self.date(ofDay: day)
        return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-01"
    }

    private var day: Int64 {
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// H. Hinnant, "chrono-compatible low-level date algorithms".
    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
