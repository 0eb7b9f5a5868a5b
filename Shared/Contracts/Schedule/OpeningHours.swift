public import Foundation

/// A sending window made ready for many questions: checked, its openings in order, its zone looked up.
///
/// As long as a zone's offset stays the same, local time runs evenly, and an opening is found by integers alone. Whatever is found so holds up
/// to the next change of the offset; from there the clock is read anew. So an opening in an hour that is skipped begins after it or not at
/// all, and in an hour that comes twice mail may go both times.
public struct OpeningHours: Sendable {
    /// Never open.
    public static let never = OpeningHours(clock: .utc, week: [[Range<Int>]](repeating: [], count: 7), holidays: [])

    /// How far ahead an opening is looked for.
    private static let horizon = 400 * CivilDay.seconds

    public let clock: ZoneClock
    /// Seconds of the day, from Monday on; in order, and none touches another.
    private let week: [[Range<Int>]]
    /// By their numbers.
    private let holidays: Set<Int>

    private init(clock: ZoneClock, week: [[Range<Int>]], holidays: Set<Int>) {
        self.clock = clock
        self.week = week
        self.holidays = holidays
    }

    public init(_ window: SendingWindow) throws(SendingWindow.Fault) {
        guard let clock = ZoneClock(window.zone) else { throw .unknownZone(window.zone) }
        try self.init(window, in: clock)
    }

    /// As the window would be in another zone, as in that of somebody mail goes to.
    public init(_ window: SendingWindow, in clock: ZoneClock) throws(SendingWindow.Fault) {
        guard !window.openings.isEmpty else { throw .noOpenings }
        guard window.openings.count <= SendingWindow.mostOpenings else { throw .tooManyOpenings }
        guard window.holidays.count <= SendingWindow.mostHolidays else { throw .tooManyHolidays }
        var week = [[Range<Int>]](repeating: [], count: 7)
        for opening in window.openings {
            guard (1...7).contains(opening.weekday), opening.start >= 0, opening.start < opening.end, opening.end <= 1_440 else {
                throw .invalidOpening(opening)
            }
            week[opening.weekday - 1].append(opening.start * 60..<opening.end * 60)
        }
        var holidays: Set<Int> = []
        for text in window.holidays {
            guard let day = CivilDay.number(of: text) else { throw .invalidHoliday(text) }
            holidays.insert(day)
        }
        self.init(clock: clock, week: week.map(Self.merged), holidays: holidays)
    }

    public func contains(_ instant: Date) -> Bool {
        let second = ZoneClock.second(of: instant)
        let local = CivilDay.split(second + clock.offset(at: second))
        return openings(of: local.day).contains { $0.contains(local.second) }
    }

    /// The earliest instant at or after `instant` that is inside; nil when none of the next 400 days has one.
    public func next(from instant: Date) -> Date? {
        let start = ZoneClock.second(of: instant)
        let last = start + Self.horizon
        var second = start
        while second <= last {
            let offset = clock.offset(at: second)
            let found = firstOpen(from: second + offset, through: last + offset).map { $0 - offset }
            if let change = clock.change(after: second, through: found ?? last) {
                second = change
                continue
            }
            return found.map { $0 == start ? instant : ZoneClock.date($0) }
        }
        return nil
    }

    /// The first instant after `instant`, which is inside, that is not; nil when `instant` is not inside either, or when it stays open for 400 days.
    public func end(after instant: Date) -> Date? {
        guard contains(instant) else { return nil }
        let start = ZoneClock.second(of: instant)
        let last = start + Self.horizon
        var second = start
        while second <= last {
            let offset = clock.offset(at: second)
            let found = firstClosed(from: second + offset, through: last + offset).map { $0 - offset }
            if let change = clock.change(after: second, through: found ?? last) {
                second = change
                continue
            }
            return found.map(ZoneClock.date)
        }
        return nil
    }

    // MARK: - Local time that runs evenly

    private func openings(of day: Int) -> [Range<Int>] {
        holidays.contains(day) ? [] : week[CivilDay.weekday(of: day) - 1]
    }

    /// The first local second from `local` to `last` that is open.
    private func firstOpen(from local: Int, through last: Int) -> Int? {
        var (day, second) = CivilDay.split(local)
        while day * CivilDay.seconds <= last {
            if let opening = openings(of: day).first(where: { $0.upperBound > second }) {
                let found = day * CivilDay.seconds + max(opening.lowerBound, second)
                return found <= last ? found : nil
            }
            day += 1
            second = 0
        }
        return nil
    }

    /// The first local second from `local` to about `last` that is not open; an opening to midnight goes on with one from midnight.
    private func firstClosed(from local: Int, through last: Int) -> Int? {
        var (day, second) = CivilDay.split(local)
        while day * CivilDay.seconds <= last {
            guard let opening = openings(of: day).first(where: { $0.contains(second) }) else { return day * CivilDay.seconds + second }
            guard opening.upperBound == CivilDay.seconds else { return day * CivilDay.seconds + opening.upperBound }
            day += 1
            second = 0
        }
        return nil
    }

    /// Those that overlap or touch as one.
    private static func merged(_ openings: [Range<Int>]) -> [Range<Int>] {
        var merged: [Range<Int>] = []
        for opening in openings.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, opening.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, opening.upperBound)
            } else {
                merged.append(opening)
            }
        }
        return merged
    }
}
