import Contracts
import Foundation

/// A campaign's figures over time, by its own days or weeks without a gap: where nothing was sent there are zeros.
struct FigureSeries: Encodable, Sendable {
    enum Interval: String, Encodable, Sendable, CaseIterable {
        case day
        /// From Monday (ISO 8601).
        case week

        /// The most days that a series has points for.
        var longest: Int { self == .day ? FigureSeries.mostPoints : 7 * FigureSeries.mostPoints }
    }

    struct Point: Encodable, Sendable, Equatable {
        /// The first and the last day, both included; a week at an end of the series may be short.
        let from: String
        let to: String
        let figures: MailFigures
    }

    /// Three years of days.
    static let mostPoints = 1_100

    let campaign: CampaignID
    /// Whose days are meant.
    let zone: String
    let interval: Interval
    let step: Int?
    let variant: String?
    let from: String
    let to: String
    let totals: MailFigures
    let points: [Point]

    /// Adds up days, each of them in one point.
    static func points(_ days: [Int: MailFigures], from first: Int, through last: Int, by interval: Interval) -> [Point] {
        var points: [Point] = []
        var start = first
        while start <= last {
            let end = interval == .day ? start : min(last, start + 7 - CivilDay.weekday(of: start))
            points.append(
                Point(
                    from: CivilDay.text(of: start), to: CivilDay.text(of: end),
                    figures: .sum(of: (start...end).map { days[$0] ?? MailFigures() })))
            start = end + 1
        }
        return points
    }

    /// The days of a series: those asked for, otherwise from the launch, or the first figures, until today, or the last figures. Nil when they
    /// were asked for and are too many.
    static func days(
        asked: DayRange, launchedOn launch: Int, today: Int, span: ClosedRange<Int>?, by interval: Interval
    ) -> ClosedRange<Int>? {
        let last = asked.last ?? max(today, span?.upperBound ?? today, asked.first ?? today)
        let first = asked.first ?? min(launch, span?.lowerBound ?? launch, last)
        guard last - first >= interval.longest else { return first...last }
        return asked.first == nil ? last - interval.longest + 1...last : nil
    }
}
