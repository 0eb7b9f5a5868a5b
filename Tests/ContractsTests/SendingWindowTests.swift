import Contracts
import Foundation
import TestSupport
import Testing

@Suite("Sending windows")
struct SendingWindowTests {
    private static func at(_ text: String) -> Date { WireJSON.parse(text)! }

    private static func daily(_ zone: String, _ minutes: (Int, Int)..., holidays: [String] = []) -> SendingWindow {
        SendingWindow(
            zone: zone, openings: (1...7).flatMap { day in minutes.map { SendingWindow.Opening(weekday: day, start: $0.0, end: $0.1) } },
            holidays: holidays)
    }

    @Test("an opening holds from its first instant to before its end, at fractions of a second too")
    func edges() throws {
        let window = Self.daily("Europe/Madrid", (540, 600))
        let (start, end) = (Self.at("2026-07-01T07:00:00Z"), Self.at("2026-07-01T08:00:00Z"))
        let (early, late) = (start - 0.001, end - 0.001)
        #expect(window.contains(start) && window.contains(late))
        #expect(!window.contains(early) && !window.contains(end))
        #expect(window.next(from: early) == start && window.next(from: late) == late)
        #expect(window.end(after: start) == end && window.end(after: late) == end)
        #expect(window.end(after: end) == nil && window.end(after: early) == nil)
        #expect(window.next(from: end) == start + 86_400)
    }

    @Test("openings that overlap or touch are one, also over midnight; a holiday closes its local day")
    func merging() throws {
        let window = Self.daily("Asia/Tokyo", (1_320, 1_440), (0, 60), (30, 90), (600, 660), (660, 720), holidays: ["2026-07-03"])
        // 22:00 of the 1st in Tokyo, to half past one.
        let evening = Self.at("2026-07-01T13:00:00Z")
        #expect(window.end(after: evening) == evening + 3.5 * 3_600)
        #expect(window.end(after: evening + 3_600 * 3) == evening + 3.5 * 3_600)
        #expect(window.next(from: evening + 3.5 * 3_600) == evening + 12 * 3_600)
        #expect(window.end(after: evening + 12 * 3_600) == evening + 14 * 3_600)
        // On the 2nd it ends at midnight, and begins again with the 4th.
        #expect(window.end(after: evening + 86_400) == evening + 86_400 + 2 * 3_600)
        #expect(window.next(from: evening + 86_400 + 2 * 3_600) == evening + 2 * 86_400 + 2 * 3_600)
    }

    @Test("a window that is always open has no end, and one whose days are all holidays no beginning")
    func extremes() throws {
        let now = Self.at("2026-07-01T13:00:00Z")
        let always = Self.daily("UTC", (0, 1_440))
        #expect(always.contains(now) && always.next(from: now) == now && always.end(after: now) == nil)
        // 2026-07-06 is a Monday: 60 of them are more than 400 days.
        let mondays = (0..<60).map { CivilDay.text(of: CivilDay.number(year: 2026, month: 7, day: 6) + 7 * $0) }
        var closed = SendingWindow(zone: "Europe/Madrid", openings: [.init(weekday: 1, start: 540, end: 600)], holidays: mondays)
        #expect(closed.next(from: now) == nil && closed.end(after: now) == nil)
        closed.holidays.removeLast(30)
        // The Monday after thirty others, by winter time.
        #expect(closed.next(from: now) == Self.at("2027-02-01T08:00:00Z"))
    }

    @Test("what lies in the hour that a clock skips does not take place, what reaches out of it begins after the skip")
    func spring() throws {
        let before = Self.at("2026-03-28T23:30:00Z")
        #expect(Self.daily("Europe/Madrid", (120, 180)).next(from: before) == Self.at("2026-03-30T00:00:00Z"))
        let reaching = Self.daily("Europe/Madrid", (150, 240))
        let skip = Self.at("2026-03-29T01:00:00Z")
        #expect(reaching.next(from: before) == skip)
        #expect(reaching.end(after: skip) == skip + 3_600)
        let through = Self.daily("Europe/Madrid", (60, 240))
        #expect(through.end(after: skip - 60) == skip + 3_600)
    }

    @Test("in the hour that a clock runs through twice mail goes both times")
    func autumn() throws {
        let first = Self.at("2026-10-25T00:00:00Z")
        let whole = Self.daily("Europe/Madrid", (120, 180))
        #expect(whole.next(from: first - 60) == first)
        #expect(whole.end(after: first) == first + 7_200)
        let half = Self.daily("Europe/Madrid", (120, 150))
        #expect(half.end(after: first) == first + 1_800)
        #expect(half.next(from: first + 1_800) == first + 3_600)
        #expect(half.end(after: first + 3_600) == first + 5_400)
        #expect(half.next(from: first + 5_400) == first + 86_400 + 3_600)
    }

    @Test("a day that a zone skipped has no opening, and the days around it follow each other")
    func skippedDay() throws {
        // Samoa went from the 29th to the 31st of December 2011.
        let window = Self.daily("Pacific/Apia", (540, 600))
        let evening = Self.at("2011-12-30T09:00:00Z")
        #expect(window.localDay(of: evening) == "2011-12-29" && window.localDay(of: evening + 3_600) == "2011-12-31")
        #expect(window.next(from: evening) == Self.at("2011-12-30T19:00:00Z"))
        let clock = try #require(ZoneClock("Pacific/Apia"))
        let skipped = CivilDay.number(year: 2011, month: 12, day: 30)
        #expect(clock.instants(day: skipped, minute: 720).isEmpty)
        #expect(clock.start(ofDay: skipped) == clock.start(ofDay: skipped + 1))
        #expect(window.dayInterval(of: evening).end == evening + 3_600)
        #expect(window.dayInterval(of: evening).duration == 86_400)
    }

    @Test(
        "a local day has as many hours as its clock runs through",
        arguments: [
            ("Europe/Madrid", "2026-03-29T12:00:00Z", 23.0, "2026-03-29"), ("Europe/Madrid", "2026-10-25T12:00:00Z", 25, "2026-10-25"),
            ("Australia/Lord_Howe", "2024-04-06T20:00:00Z", 24.5, "2024-04-07"), ("Antarctica/Troll", "2024-03-31T12:00:00Z", 22, "2024-03-31"),
            // Midnight itself was skipped, and the last hour came twice.
            ("America/Sao_Paulo", "2017-10-15T12:00:00Z", 23, "2017-10-15"), ("America/Sao_Paulo", "2018-02-17T12:00:00Z", 25, "2018-02-17"),
            ("Asia/Pyongyang", "2015-08-14T12:00:00Z", 24.5, "2015-08-14"), ("Pacific/Apia", "2011-12-31T12:00:00Z", 24, "2012-01-01"),
        ])
    func days(zone: String, instant: String, hours: Double, day: String) throws {
        let window = Self.daily(zone, (0, 1_440))
        let date = Self.at(instant)
        let interval = window.dayInterval(of: date)
        #expect(interval.duration == hours * 3_600 && window.localDay(of: date) == day)
        #expect(interval.start <= date && date < interval.end)
        #expect(window.localDay(of: interval.start) == day && window.localDay(of: interval.end - 0.001) == day)
        #expect(window.localDay(of: interval.start - 0.001) != day && window.localDay(of: interval.end) != day)
        #expect(window.dayInterval(of: interval.end).start == interval.end)
        #expect(window.dayInterval(of: interval.start - 1).end == interval.start)
    }

    @Test("where a clock goes back over midnight, the evening's second pass belongs to the day that had begun: days leave no gap")
    func overMidnight() throws {
        // In St. John's it went from 00:01 of the 7th to 23:01 of the 6th of November 2010.
        let window = Self.daily("America/St_Johns", (0, 1_440))
        let change = Self.at("2010-11-07T02:31:00Z")
        #expect(window.localDay(of: change - 1) == "2010-11-07" && window.localDay(of: change) == "2010-11-06")
        let day = window.dayInterval(of: change)
        #expect(day.start == change - 60 && day.duration == 25 * 3_600)
        #expect(window.dayInterval(of: change - 61).end == day.start)
        #expect(window.dayInterval(of: change - 30) == day)
    }

    @Test("a local time has one instant, none, or two")
    func instants() throws {
        let clock = try #require(ZoneClock("Europe/Madrid"))
        func instants(_ month: Int, _ day: Int, _ minute: Int) -> [Date] {
            clock.instants(day: CivilDay.number(year: 2026, month: month, day: day), minute: minute)
        }
        #expect(instants(7, 1, 540) == [Self.at("2026-07-01T07:00:00Z")])
        #expect(instants(3, 29, 150).isEmpty && instants(3, 29, 180) == [Self.at("2026-03-29T01:00:00Z")])
        #expect(instants(10, 25, 150) == [Self.at("2026-10-25T00:30:00Z"), Self.at("2026-10-25T01:30:00Z")])
        let local = clock.local(at: Self.at("2026-07-05T22:30:10Z"))
        #expect(local.dayText == "2026-07-06" && local.minute == 30 && local.second == 1_810 && local.weekday == 1)
    }

    @Test("what a window cannot be is named, and what is wrong is never open")
    func faults() {
        let opening = SendingWindow.Opening(weekday: 1, start: 540, end: 600)
        expect(nil) { _ in }
        for zone in ["", "Nowhere/Town", "GMT+7", "UTC+7", "Europe/Madrid ", String(repeating: "Europe/Madrid", count: 100)] {
            expect(.unknownZone(zone)) { $0.zone = zone }
        }
        for zone in ["UTC", "GMT", "Etc/GMT+7", "Asia/Kolkata", "America/Argentina/Buenos_Aires"] { expect(nil) { $0.zone = zone } }
        expect(.noOpenings) { $0.openings = [] }
        expect(nil) { $0.openings = Array(repeating: opening, count: 50) }
        expect(.tooManyOpenings) { $0.openings = Array(repeating: opening, count: 51) }
        let odd = [(0, 0, 1), (8, 0, 1), (1, -1, 1), (1, 5, 5), (1, 6, 5), (1, 0, 1_441), (1, Int.min, Int.max), (1, Int.max, Int.max)]
        for (weekday, start, end) in odd {
            let opening = SendingWindow.Opening(weekday: weekday, start: start, end: end)
            expect(.invalidOpening(opening)) { $0.openings.append(opening) }
        }
        expect(nil) { $0.holidays = Array(repeating: "2026-12-25", count: 200) }
        expect(.tooManyHolidays) { $0.holidays = Array(repeating: "2026-12-25", count: 201) }
        for day in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "2026-12-32", "25.12.2026", "2026-12-2५", ""] {
            expect(.invalidHoliday(day)) { $0.holidays = [day] }
        }
        expect(nil) { $0.holidays = ["2028-02-29"] }
    }

    /// Changes a good window and says what is wrong with it then.
    private func expect(
        _ expected: SendingWindow.Fault?, sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout SendingWindow) -> Void
    ) {
        var window = SendingWindow(zone: "Europe/Madrid", openings: [.init(weekday: 1, start: 540, end: 600)])
        change(&window)
        var found: SendingWindow.Fault?
        do throws(SendingWindow.Fault) {
            try window.check()
        } catch {
            found = error
        }
        #expect(found == expected, sourceLocation: sourceLocation)
        #expect((window.next(from: Date()) == nil) == (expected != nil), sourceLocation: sourceLocation)
    }

    @Test("instants that no calendar reaches neither trap nor hang")
    func absurd() {
        let window = Self.daily("Europe/Madrid", (540, 600))
        for seconds in [-6.3e10, 6.4e10, -1e300, 1e300, -Double.infinity, .infinity, .nan] {
            let instant = Date(timeIntervalSince1970: seconds)
            #expect(window.next(from: instant) != nil, "\(seconds)")
            #expect(!window.localDay(of: instant).isEmpty && window.dayInterval(of: instant).duration == 86_400, "\(seconds)")
        }
    }
}
