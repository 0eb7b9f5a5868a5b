public import Foundation

extension SendingWindow {
    static let mostOpenings = 50
    static let mostHolidays = 200

    /// Why a window cannot be kept.
    public enum Fault: Error, Sendable, Equatable, CustomStringConvertible {
        case unknownZone(String)
        case noOpenings
        case tooManyOpenings
        case invalidOpening(Opening)
        case tooManyHolidays
        case invalidHoliday(String)

        /// What to do about it.
        public var description: String {
            switch self {
            case .unknownZone(let zone): "there is no time zone '\(zone.prefix(64))'; name one of the IANA database, such as Europe/Madrid"
            case .noOpenings: "the window never opens; give it at least one opening"
            case .tooManyOpenings: "a window has at most \(SendingWindow.mostOpenings) openings"
            case .invalidOpening(let opening):
                "an opening has a weekday from 1 (Monday) to 7 and minutes with 0 ≤ start < end ≤ 1440, not "
                    + "\(opening.weekday), \(opening.start), \(opening.end)"
            case .tooManyHolidays: "a window has at most \(SendingWindow.mostHolidays) holidays"
            case .invalidHoliday(let text): "'\(text.prefix(20))' is no day; write holidays like 2026-12-25"
            }
        }
    }

    /// Throws what is wrong with the window.
    public func check() throws(Fault) {
        _ = try OpeningHours(self)
    }

    /// Whether mail may go out at `instant`; a window with a fault is never open. Whoever asks often asks ``OpeningHours``.
    public func contains(_ instant: Date) -> Bool {
        hours.contains(instant)
    }

    /// The earliest instant at or after `instant` at which mail may go out; nil when none of the next 400 days has one.
    public func next(from instant: Date) -> Date? {
        hours.next(from: instant)
    }

    /// When the opening that `instant` is in ends: the first instant that is not inside. Nil when `instant` is not inside, or when the window
    /// stays open for 400 days.
    public func end(after instant: Date) -> Date? {
        hours.end(after: instant)
    }

    /// The day that the calendar in the window's zone shows, like `2026-12-25`; an unknown zone counts as UTC.
    public func localDay(of instant: Date) -> String {
        clock.local(at: instant).dayText
    }

    /// The local day that `instant` is in, of 23 to 25 hours where the clock is changed; see ``ZoneClock/dayInterval(of:)``. An unknown zone
    /// counts as UTC.
    public func dayInterval(of instant: Date) -> DateInterval {
        clock.dayInterval(of: instant)
    }

    private var hours: OpeningHours { (try? OpeningHours(self)) ?? .never }
    private var clock: ZoneClock { ZoneClock(zone) ?? .utc }
}
