import Foundation

/// A part's minutes of one day (UTC), by what was shown; minutes that nobody saw are not counted.
struct UptimeDay: Sendable, Equatable {
    /// Since 1970-01-01.
    let day: Int
    var operational = 0
    var degraded = 0
    var down = 0
    var maintenance = 0

    static func number(of instant: Date) -> Int {
        Int((instant.timeIntervalSince1970 / 86_400).rounded(.down))
    }

    mutating func count(_ status: ComponentStatus) {
        switch status {
        case .operational: operational += 1
        case .degraded: degraded += 1
        case .down: down += 1
        case .maintenance: maintenance += 1
        case .unknown: break
        }
    }

    /// The share of minutes in which a part was not down, in percent with two decimals, never rounded up; announced work is left out, nil when
    /// nothing is left.
    static func percent(_ days: [UptimeDay]) -> Double? {
        let up = days.reduce(0) { $0 + $1.operational + $1.degraded }
        let down = days.reduce(0) { $0 + $1.down }
        guard up + down > 0 else { return nil }
        return Double(up * 10_000 / (up + down)) / 100
    }

    /// How the day looks in a row of days: a bad minute does not paint a whole day as an outage.
    var look: ComponentStatus {
        guard operational + degraded + down > 0 else { return maintenance > 0 ? .maintenance : .unknown }
        if down >= 60 { return .down }
        return down > 0 || degraded >= 10 ? .degraded : .operational
    }
}

/// What was seen minute by minute and is not in the database yet: an outage of the database itself must be counted too.
struct MinuteLedger: Sendable {
    /// Two days; older minutes are given up first.
    static let capacity = 2_880

    private var minutes: [String: [Int64: ComponentStatus]] = [:]

    static func minute(of instant: Date) -> Int64 {
        Int64((instant.timeIntervalSince1970 / 60).rounded(.down))
    }

    /// A minute is what was the worst in it.
    mutating func observe(_ component: String, _ status: ComponentStatus, at instant: Date) {
        guard status != .unknown else { return }
        let minute = Self.minute(of: instant)
        var seen = minutes[component] ?? [:]
        if let before = seen[minute], !status.isWorse(than: before) { return }
        seen[minute] = status
        if seen.count > Self.capacity, let oldest = seen.keys.min() { seen[oldest] = nil }
        minutes[component] = seen
    }

    /// The minutes that are over and were not counted before, by component and day.
    func days(after counted: [String: Int64], before minute: Int64) -> [String: [UptimeDay]] {
        var result: [String: [UptimeDay]] = [:]
        for (component, seen) in minutes {
            let start = counted[component] ?? 0
            var days: [Int: UptimeDay] = [:]
            for (at, status) in seen where at >= start && at < minute {
                let day = Int(at / 1_440)
                days[day, default: UptimeDay(day: day)].count(status)
            }
            result[component] = days.values.sorted { $0.day < $1.day }
        }
        return result
    }

    mutating func forget(before minute: Int64) {
        minutes = minutes.mapValues { seen in seen.filter { $0.key >= minute } }
    }
}
