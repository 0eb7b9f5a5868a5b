import Contracts
import Foundation
import Testing

/// What Foundation's calendar says of one zone: a reference that shares no line with ``OpeningHours``.
struct WallCalendar {
    struct Moment {
        /// Such as 20261225.
        let day: Int
        /// 1 is Monday.
        let weekday: Int
        let minute: Int
    }

    let zone: TimeZone
    private let calendar: Calendar

    init(_ identifier: String) throws {
        zone = try #require(TimeZone(identifier: identifier))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        self.calendar = calendar
    }

    func moment(_ second: Int) -> Moment {
        let parts = calendar.dateComponents([.year, .month, .day, .weekday, .hour, .minute], from: Date(timeIntervalSince1970: Double(second)))
        let day = (parts.year ?? 0) * 10_000 + (parts.month ?? 0) * 100 + (parts.day ?? 0)
        return Moment(day: day, weekday: ((parts.weekday ?? 0) + 5) % 7 + 1, minute: (parts.hour ?? 0) * 60 + (parts.minute ?? 0))
    }

    func offset(_ second: Int) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
    }

    /// The seconds at which the offset changes, found by looking once a day and halving.
    func changes(from first: Int, to last: Int) -> [Int] {
        var changes: [Int] = []
        var low = first
        var before = offset(low)
        while low < last {
            let high = low + 86_400
            let after = offset(high)
            if after != before {
                var (left, right) = (low, high)
                while right - left > 1 {
                    let middle = (left + right) / 2
                    if offset(middle) == before { left = middle } else { right = middle }
                }
                changes.append(right)
            }
            (low, before) = (high, after)
        }
        return changes
    }

    func changes(years: Range<Int>) -> [Int] {
        changes(from: Self.newYear(years.lowerBound), to: Self.newYear(years.upperBound))
    }

    private static func newYear(_ year: Int) -> Int {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return Int(calendar.date(from: DateComponents(year: year, month: 1, day: 1))!.timeIntervalSince1970)
    }
}

/// A window as it is defined, and nothing more.
struct WindowReference {
    private let week: [[(start: Int, end: Int)]]
    private let holidays: Set<Int>

    init(_ window: SendingWindow) {
        week = (1...7).map { day in window.openings.filter { $0.weekday == day }.map { (start: $0.start, end: $0.end) } }
        holidays = Set(window.holidays.map { Int($0.replacing("-", with: "")) ?? 0 })
    }

    func contains(_ moment: WallCalendar.Moment) -> Bool {
        if holidays.contains(moment.day) { return false }
        for opening in week[moment.weekday - 1] where opening.start <= moment.minute && moment.minute < opening.end { return true }
        return false
    }
}

/// Instants around a change, close enough together that no window of the test changes between two of them.
struct Neighbourhood {
    let grid: [Int]
    private let moments: [WallCalendar.Moment]

    init(of change: Int, hours: Int, step: Int, calendar: WallCalendar, changes: [Int]) {
        let first = (change - hours * 3_600) / step * step
        let last = change + hours * 3_600
        var grid = Set(stride(from: first, through: last, by: step))
        for other in changes where other > first && other < last { grid.formUnion([other - 60, other - 1, other, other + 60]) }
        self.grid = grid.sorted()
        moments = self.grid.map(calendar.moment)
    }

    private static func date(_ second: Int) -> Date { Date(timeIntervalSince1970: Double(second)) }

    /// Where ``OpeningHours`` and the reference differ, asking every `sample`-th instant and every edge for what comes next; nil when they agree.
    func fault(in window: SendingWindow, sample: Int) throws -> String? {
        let hours = try OpeningHours(window)
        let reference = WindowReference(window)
        let inside = moments.map(reference.contains)
        for index in grid.indices where hours.contains(Self.date(grid[index])) != inside[index] {
            return "contains at \(grid[index]) is not \(inside[index])"
        }
        var nextInside: Int?
        var nextOutside: Int?
        for index in grid.indices.reversed() {
            if inside[index] { nextInside = grid[index] } else { nextOutside = grid[index] }
            let isEdge = index > 0 && inside[index] != inside[index - 1]
            guard isEdge || index % sample == 0 else { continue }
            if let fault = fault(hours, at: grid[index], nextInside, inside[index] ? nextOutside : nil, isInside: inside[index]) { return fault }
            if isEdge, inside[index], hours.next(from: Self.date(grid[index]) - 0.5) != Self.date(grid[index]) {
                return "half a second before \(grid[index]) the next is not then"
            }
        }
        return totalFault(hours, inside)
    }

    private func fault(_ hours: OpeningHours, at second: Int, _ nextInside: Int?, _ nextOutside: Int?, isInside: Bool) -> String? {
        let last = Self.date(grid[grid.count - 1])
        let next = hours.next(from: Self.date(second))
        if let nextInside {
            if next != Self.date(nextInside) { return "next from \(second) is \(String(describing: next)), not \(nextInside)" }
        } else if let next, next <= last {
            return "next from \(second) is \(next), where nothing is open"
        }
        let end = hours.end(after: Self.date(second))
        if !isInside { return end == nil ? nil : "outside at \(second) there is an end" }
        if let nextOutside { return end == Self.date(nextOutside) ? nil : "end after \(second) is \(String(describing: end)), not \(nextOutside)" }
        return end.map { $0 > last } ?? true ? nil : "end after \(second) is \(String(describing: end)), where it is open"
    }

    /// Whether the openings, one after the other, last as long as the reference says: nothing lost and nothing twice.
    private func totalFault(_ hours: OpeningHours, _ inside: [Bool]) -> String? {
        var expected = 0
        for index in 0..<(grid.count - 1) where inside[index] { expected += grid[index + 1] - grid[index] }
        let last = Self.date(grid[grid.count - 1])
        var found = 0.0
        var cursor = Self.date(grid[0])
        while let start = hours.next(from: cursor), start < last {
            cursor = min(hours.end(after: start) ?? last, last)
            found += cursor.timeIntervalSince(start)
        }
        return found == Double(expected) ? nil : "open for \(found) s, not \(expected)"
    }
}
