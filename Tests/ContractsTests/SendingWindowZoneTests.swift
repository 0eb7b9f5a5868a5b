import Contracts
import Foundation
import TestSupport
import Testing

@Suite("Sending windows in every zone")
struct SendingWindowZoneTests {
    private static let parts = 8

    private static func daily(_ zone: String, _ minutes: [(Int, Int)], holidays: [String] = []) -> SendingWindow {
        SendingWindow(
            zone: zone, openings: (1...7).flatMap { day in minutes.map { SendingWindow.Opening(weekday: day, start: $0.0, end: $0.1) } },
            holidays: holidays)
    }

    private static func office(_ zone: String) -> SendingWindow {
        SendingWindow(zone: zone, openings: (1...5).map { SendingWindow.Opening(weekday: $0, start: 540, end: 1_020) })
    }

    /// Edges in and around the hours in which clocks are changed, openings that overlap and that go over midnight, and a day without mail.
    private static func windows(_ zone: String, dayAfter change: Int) -> [SendingWindow] {
        let night = daily(zone, [(0, 90), (120, 180), (150, 240), (1_380, 1_440)])
        let day = night.localDay(of: Date(timeIntervalSince1970: Double(change)))
        return [office(zone), night, daily(zone, [(0, 720), (600, 1_440)], holidays: [day])]
    }

    /// What is wrong around one change; every edge of these windows is on a half hour of local time.
    private func fault(_ zone: String, _ change: Int, _ calendar: WallCalendar, _ changes: [Int]) throws -> String? {
        let isEven = calendar.offset(change - 1) % 1_800 == 0 && calendar.offset(change) % 1_800 == 0
        let around = Neighbourhood(of: change, hours: 24, step: isEven ? 1_800 : 900, calendar: calendar, changes: changes)
        for (index, window) in Self.windows(zone, dayAfter: change).enumerated() {
            if let fault = try around.fault(in: window, sample: 8) { return "\(zone), change at \(change), window \(index): \(fault)" }
        }
        return nil
    }

    @Test("ten years of changes in every zone: open exactly when the wall clock says so, nothing lost, nothing twice", arguments: 0..<8)
    func everyZone(part: Int) throws {
        var count = 0
        for (index, zone) in TimeZone.knownTimeZoneIdentifiers.sorted().enumerated() where index % Self.parts == part {
            let calendar = try WallCalendar(zone)
            let changes = calendar.changes(years: 2024..<2034)
            count += changes.count
            for change in changes {
                if let fault = try fault(zone, change, calendar, changes) {
                    Issue.record("\(fault)")
                    break
                }
                if let fault = try weekFault(zone, change) ?? dayFault(zone, change, calendar) {
                    Issue.record("\(zone), change at \(change): \(fault)")
                    break
                }
            }
        }
        #expect(count > 100)
    }

    /// A week of office hours has its forty hours in five openings, whatever its clock does at night.
    private func weekFault(_ zone: String, _ change: Int) throws -> String? {
        let hours = try OpeningHours(Self.office(zone))
        let local = hours.clock.local(at: Date(timeIntervalSince1970: Double(change)))
        let monday = local.day - (local.weekday - 1)
        let end = hours.clock.start(ofDay: monday + 7)
        var cursor = hours.clock.start(ofDay: monday)
        var openings: [TimeInterval] = []
        while let start = hours.next(from: cursor), start < end, let close = hours.end(after: start) {
            openings.append(close.timeIntervalSince(start))
            cursor = close
        }
        return openings == Array(repeating: 8 * 3_600, count: 5) ? nil : "the week is open for \(openings)"
    }

    /// The days before, at and after a change begin and end where the calendar turns its page, and touch each other.
    private func dayFault(_ zone: String, _ change: Int, _ calendar: WallCalendar) throws -> String? {
        let clock = try #require(ZoneClock(zone))
        var last: DateInterval?
        for second in [change - 86_400, change - 1, change, change + 86_400] {
            let day = clock.dayInterval(of: Date(timeIntervalSince1970: Double(second)))
            let (start, end) = (Int(day.start.timeIntervalSince1970), Int(day.end.timeIntervalSince1970))
            let name = calendar.moment(second).day
            guard start <= second, second < end, calendar.moment(start).day == name, calendar.moment(end - 1).day == name,
                calendar.moment(start - 1).day != name, calendar.moment(end).day != name
            else { return "the day of \(second) is from \(start) to \(end)" }
            if let last, last != day, last.end > day.start { return "the day of \(second) begins before the last one ends" }
            last = day
        }
        return nil
    }

    @Test(
        "what clocks did in other years: skipped days, half hours, midnights, one minute past them",
        arguments: [
            ("Pacific/Apia", 2009, 2013), ("Pacific/Fakaofo", 2011, 2012), ("Pacific/Enderbury", 1994, 1996), ("Pacific/Kwajalein", 1993, 1994),
            ("Asia/Pyongyang", 2015, 2019), ("America/Sao_Paulo", 2015, 2020), ("America/St_Johns", 2005, 2012), ("America/Caracas", 2007, 2017),
            ("Europe/London", 1968, 1973), ("Africa/Cairo", 2010, 2016), ("Asia/Gaza", 2009, 2016), ("Antarctica/Casey", 2009, 2024),
            ("Europe/Samara", 2009, 2012), ("Asia/Kathmandu", 1985, 1987), ("Africa/Casablanca", 2012, 2019), ("Australia/Lord_Howe", 1981, 1990),
        ])
    func history(zone: String, from: Int, to: Int) throws {
        let calendar = try WallCalendar(zone)
        let changes = calendar.changes(years: from..<to)
        #expect(!changes.isEmpty)
        for change in changes { #expect(try fault(zone, change, calendar, changes) == nil) }
    }

    @Test("windows with edges at any minute, by seed", arguments: 0..<96 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let zones = [
            "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca", "Pacific/Chatham", "America/Havana",
            "Asia/Beirut", "America/Santiago", "America/Nuuk", "Europe/Dublin", "Asia/Jerusalem",
        ]
        let zone = zones[Int.random(in: 0..<zones.count, using: &random)]
        let calendar = try WallCalendar(zone)
        let year = Int.random(in: 2024..<2034, using: &random)
        let changes = calendar.changes(years: year..<year + 1)
        let change = try #require(changes.randomElement(using: &random))
        var window = SendingWindow(zone: zone, openings: [])
        for _ in 0..<Int.random(in: 1...20, using: &random) {
            let start = Int.random(in: 0..<1_440, using: &random)
            // Many at night, where clocks are changed.
            let (from, longest) = Bool.random(using: &random) ? (start, 1_440) : (start % 300, min(1_440, start % 300 + 90))
            let end = Int.random(in: from + 1...max(from + 1, longest), using: &random)
            window.openings.append(.init(weekday: Int.random(in: 1...7, using: &random), start: from, end: end))
        }
        let local = try #require(ZoneClock(zone)).local(at: Date(timeIntervalSince1970: Double(change)))
        window.openings.append(.init(weekday: local.weekday, start: 0, end: Int.random(in: 1...300, using: &random)))
        if Int.random(in: 0..<4, using: &random) == 0 { window.holidays = [CivilDay.text(of: local.day + 1)] }
        let around = Neighbourhood(of: change, hours: 9, step: 60, calendar: calendar, changes: changes)
        #expect(try around.fault(in: window, sample: 20) == nil, "seed \(seed): \(window), change at \(change)")
    }
}
