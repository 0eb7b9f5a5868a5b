import Foundation

/// When to try again, as functions of what has happened so far.
enum RetrySchedule {
    /// A server said "later" (4xx) for the `deferrals`-th time: 5, 15, 30, 60 minutes, then every 2 hours, up to 72 hours after the first
    /// time; nil gives the mail up.
    static func afterDeferral(_ deferrals: Int, firstAt: Date, now: Date) -> Date? {
        let minutes = [5.0, 15, 30, 60]
        let wait = (deferrals - 1 < minutes.count ? minutes[max(0, deferrals - 1)] : 120) * 60
        let next = now.addingTimeInterval(wait)
        return next.timeIntervalSince(firstAt) <= 72 * 3_600 ? next : nil
    }

    /// No server answered for the `attempt`-th time: 2ⁿ seconds, at most 300, `spread` from -1 to 1 moves it by up to a quarter.
    static func afterUnreachable(_ attempt: Int, spread: Double, now: Date) -> Date {
        let seconds = min(300, pow(2, Double(min(max(attempt, 1), 16))))
        return now.addingTimeInterval(seconds * (1 + 0.25 * spread))
    }
}
