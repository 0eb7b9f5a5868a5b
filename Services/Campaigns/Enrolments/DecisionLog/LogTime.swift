import Contracts
import Foundation

/// Instants as the clock of a campaign's zone shows them, in words.
struct LogTime: Sendable {
    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    let zone: String
    private let clock: ZoneClock

    /// An unknown zone counts as UTC.
    init(zone: String) {
        let clock = ZoneClock(zone)
        self.zone = clock == nil ? "UTC" : zone
        self.clock = clock ?? .utc
    }

    /// Like `Tue 3 Nov 2026, 09:02`.
    func moment(_ instant: Date) -> String { "\(day(instant)), \(time(instant))" }

    /// Like `10:31` on the day of `other`, and `on Wed 4 Nov 2026, 10:31` on any other.
    func moment(_ instant: Date, after other: Date) -> String {
        clock.local(at: instant).day == clock.local(at: other).day ? time(instant) : "on \(moment(instant))"
    }

    private func day(_ instant: Date) -> String {
        let local = clock.local(at: instant)
        let parts = local.dayText.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, (1...12).contains(parts[1]) else { return local.dayText }
        return "\(Self.weekdays[local.weekday - 1]) \(parts[2]) \(Self.months[parts[1] - 1]) \(parts[0])"
    }

    private func time(_ instant: Date) -> String {
        let minute = clock.local(at: instant).minute
        return "\(Self.twoDigits(minute / 60)):\(Self.twoDigits(minute % 60))"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
