public import Foundation

/// The clock on the wall of one zone: looked up once, asked often.
///
/// Everything follows from the zone's offset at each second; what a clock skips or runs through twice is found by where the offset changes.
public struct ZoneClock: Sendable, Hashable {
    /// What the clock shows at an instant.
    public struct LocalTime: Sendable, Hashable {
        /// Days since 1970-01-01; see ``CivilDay``.
        public let day: Int
        /// Of the day, from 0.
        public let second: Int

        /// Of the day, from 0 to 1,439.
        public var minute: Int { second / 60 }
        /// 1 is Monday, 7 Sunday (ISO 8601).
        public var weekday: Int { CivilDay.weekday(of: day) }
        /// Like `2026-12-25`.
        public var dayText: String { CivilDay.text(of: day) }
    }

    public static let utc = ZoneClock(zone: .gmt)

    private let zone: TimeZone

    /// Nil unless `identifier` is a name of the IANA database.
    public init?(_ identifier: String) {
        guard Self.isName(identifier), let zone = TimeZone(identifier: identifier) else { return nil }
        self.init(zone: zone)
    }

    private init(zone: TimeZone) {
        self.zone = zone
    }

    /// Whether `text` names a zone: what there is a clock for. Most names are answered without looking the zone up.
    public static func isZone(_ text: String) -> Bool {
        known.contains(text) || ZoneClock(text) != nil
    }

    private static let known = Set(TimeZone.knownTimeZoneIdentifiers.filter(isName))

    /// Foundation also takes offsets such as `GMT+7`, which are no zones.
    private static func isName(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count) else { return false }
        return text == "GMT" || text == "UTC" || !(text.hasPrefix("GMT") || text.hasPrefix("UTC"))
    }

    /// What is added to UTC, in seconds.
    public func offset(at instant: Date) -> Int {
        zone.secondsFromGMT(for: instant)
    }

    public func local(at instant: Date) -> LocalTime {
        let second = Self.second(of: instant)
        let local = CivilDay.split(second + offset(at: second))
        return LocalTime(day: local.day, second: local.second)
    }

    /// The instants at which the clock shows `minute` of `day`: one as a rule, none where it skips it, two where it runs through it twice.
    public func instants(day: Int, minute: Int) -> [Date] {
        let local = day * CivilDay.seconds + minute * 60
        return stretches(around: local).compactMap { stretch in
            let second = local - stretch.offset
            return second >= stretch.start && second < stretch.end ? Self.date(second) : nil
        }
    }

    /// The first instant at which the clock shows `day`, or a later one where it skips the whole of it.
    public func start(ofDay day: Int) -> Date {
        Self.date(startSecond(ofDay: day))
    }

    /// The local day that `instant` is in, of 23 to 25 hours where the clock is changed; such days follow each other without gap or overlap.
    ///
    /// Should a clock go back from after midnight to before it, the evening's second pass belongs to the day that had begun.
    public func dayInterval(of instant: Date) -> DateInterval {
        let second = Self.second(of: instant)
        var day = CivilDay.split(second + offset(at: second)).day
        var next = startSecond(ofDay: day + 1)
        while next <= second {
            day += 1
            next = startSecond(ofDay: day + 1)
        }
        return DateInterval(start: start(ofDay: day), end: Self.date(next))
    }

    private func startSecond(ofDay day: Int) -> Int {
        let midnight = day * CivilDay.seconds
        for stretch in stretches(around: midnight) {
            let second = max(stretch.start, midnight - stretch.offset)
            if second < stretch.end { return second }
        }
        return midnight
    }
}

// MARK: - Seconds

extension ZoneClock {
    /// Nobody sends mail further away than this, and no calculation overflows within it.
    private static let edge = 1e11

    /// Whole seconds since 1970, rounded down.
    static func second(of instant: Date) -> Int {
        let seconds = instant.timeIntervalSince1970.rounded(.down)
        guard seconds > -edge else { return Int(-edge) }
        guard seconds < edge else { return Int(edge) }
        return Int(seconds)
    }

    static func date(_ second: Int) -> Date {
        Date(timeIntervalSince1970: Double(second))
    }

    func offset(at second: Int) -> Int {
        zone.secondsFromGMT(for: Self.date(second))
    }

    /// The first second after `start`, and not after `end`, at which the offset is another than at `start`; nil when there is none.
    ///
    /// Foundation names the changes one after another; one that changes nothing in sum is passed over, and one that it does not name, as it
    /// need not for a change of the standard time, shows in the offset a day later.
    func change(after start: Int, through end: Int) -> Int? {
        guard end > start else { return nil }
        let before = offset(at: start)
        var named: Int?
        var second = start
        while named == nil, let next = zone.nextDaylightSavingTimeTransition(after: Self.date(second)).map(Self.second(of:)), next > second,
            next <= end
        {
            if offset(at: next) != before { named = next }
            second = next
        }
        return unnamedChange(after: start, through: named.map { $0 - 1 } ?? end, from: before) ?? named
    }

    private func unnamedChange(after start: Int, through end: Int, from before: Int) -> Int? {
        var low = start
        while low < end {
            let high = min(low + CivilDay.seconds, end)
            if offset(at: high) != before { return halve(low, high, before) }
            low = high
        }
        return nil
    }

    /// The first second with another offset than `before`, which holds at `low` and not at `high`.
    private func halve(_ low: Int, _ high: Int, _ before: Int) -> Int {
        var (low, high) = (low, high)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: middle) == before { low = middle } else { high = middle }
        }
        return high
    }

    private struct Stretch {
        let start: Int
        /// The first second that is not part of it.
        let end: Int
        let offset: Int
    }

    /// The stretches of one offset each in which a clock may show `local`: no zone was ever a day away from UTC.
    private func stretches(around local: Int) -> [Stretch] {
        let last = local + CivilDay.seconds
        var start = local - CivilDay.seconds
        var stretches: [Stretch] = []
        while let change = change(after: start, through: last) {
            stretches.append(Stretch(start: start, end: change, offset: offset(at: start)))
            start = change
        }
        stretches.append(Stretch(start: start, end: last + 1, offset: offset(at: start)))
        return stretches
    }
}
