import Foundation

/// What a mailbox may send when, and what it has sent: decided by values, so that restarts and replicas decide alike.
struct MailboxPace: Sendable, Equatable {
    /// Mails in any 24 hours.
    var dailyLimit: Int?
    /// Mails in any hour.
    var hourlyLimit: Int?
    /// Seconds between the end of one mail and the start of the next.
    var gapSeconds = 0
    var warmup: Warmup?
    /// Closed until then.
    var opensAt: Date?

    /// What was claimed in the last 24 hours and the last hour, each a little longer than that: see ``guardTime``.
    var usedInDay = 0
    var usedInHour = 0
    /// Mails claimed and not finished.
    var inFlight = 0

    enum Verdict: Sendable, Equatable {
        case open(Int)
        case closed(Reason)
    }

    enum Reason: String, Sendable {
        case gap
        case hourlyLimit = "hourly_limit"
        case dailyLimit = "daily_limit"
        case busy
    }

    /// A claim is counted by the minute and its mail goes out at most a minute later: windows are that much longer, so that no 24 hours and
    /// no hour ever hold more mails than the limit, wherever they begin.
    static let guardTime: TimeInterval = 120
    /// What a warm-up leads to.
    var target: Int { dailyLimit ?? Warmup.defaultTarget }

    /// The day's limit with the warm-up.
    func effectiveDailyLimit(now: Date) -> Int? {
        guard let warmup else { return dailyLimit }
        return warmup.limit(at: now, target: target)
    }

    /// How many mails may be claimed now, of at most `cap` in flight.
    func verdict(now: Date, cap: Int) -> Verdict {
        if let opensAt, opensAt > now { return .closed(.gap) }
        var allowance = cap - inFlight
        if allowance <= 0 { return .closed(.busy) }
        if gapSeconds > 0 {
            // One after the other: the next only when the last one's end is known.
            if inFlight > 0 { return .closed(.busy) }
            allowance = 1
        }
        if let limit = effectiveDailyLimit(now: now) {
            if usedInDay >= limit { return .closed(.dailyLimit) }
            allowance = min(allowance, limit - usedInDay)
        }
        if let limit = hourlyLimit {
            if usedInHour >= limit { return .closed(.hourlyLimit) }
            allowance = min(allowance, limit - usedInHour)
        }
        return .open(allowance)
    }
}
