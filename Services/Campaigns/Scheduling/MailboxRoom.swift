import Contracts
import Foundation

/// How many mails a mailbox can take over now, by its limits and what it has used of them: a function of Delivery's figures and the clock.
///
/// Mail is handed over only about as far ahead as the mailbox can send it, so that an edit, a pause or a reply finds most of it still here;
/// the limits themselves are kept by Delivery.
struct MailboxRoom: Sendable, Equatable {
    /// How far ahead a mailbox's queue is filled.
    static let horizon: TimeInterval = 1_800
    /// The longest queue of a mailbox without limits.
    static let deepest = 5_000
    /// Used mails are known by whole hours and count from the beginning of theirs: what is handed over a little early waits at Delivery, which
    /// knows the minute; were it handed over late, each day of a full mailbox would begin later than the one before.
    private static let day: TimeInterval = 24 * 3_600
    private static let hour: TimeInterval = 3_600

    private(set) var budget: DeliveryRPC.MailboxBudget
    /// Taken in this round and not yet known to Delivery.
    private(set) var taken = 0
    /// When the figures are from.
    private let readAt: Date

    init(_ budget: DeliveryRPC.MailboxBudget, readAt: Date) {
        self.budget = budget
        self.readAt = readAt
    }

    var isActive: Bool { budget.state == "active" }

    /// The limit of the day `now` is in, with a ramp's steps to come.
    func dailyLimit(at now: Date) -> Int? {
        let day = max(0, Int(now.timeIntervalSince(readAt) / 86_400))
        guard day < budget.ramp.count else { return budget.dailyLimit }
        return min(budget.ramp[day], budget.dailyLimit ?? .max)
    }

    /// Mails that may be handed over at `now`.
    func left(at now: Date) -> Int {
        guard isActive else { return 0 }
        let ahead = budget.waiting + taken
        var left = Self.deepest - ahead
        if let limit = dailyLimit(at: now) { left = min(left, limit - used(within: Self.day, at: now) - ahead) }
        if let limit = budget.hourlyLimit { left = min(left, limit - used(within: Self.hour, at: now) - ahead) }
        if budget.gapSeconds > 0 {
            let span = Self.horizon - max(0, (budget.opensAt ?? now).timeIntervalSince(now))
            guard span > 0 else { return 0 }
            left = min(left, max(1, Int(span) / budget.gapSeconds) - ahead)
        }
        return max(0, left)
    }

    /// What is left of the day, for rotation by weight.
    func leftOfDay(at now: Date) -> Int {
        guard isActive else { return 0 }
        guard let limit = dailyLimit(at: now) else { return Self.deepest }
        return max(0, limit - used(within: Self.day, at: now) - budget.waiting - taken)
    }

    /// When there may be room again, as far as it can be told; nil while the mailbox does not send at all.
    func roomAgain(after now: Date) -> Date? {
        guard isActive else { return nil }
        if left(at: now) > 0 { return now }
        let ahead = budget.waiting + taken
        // A mailbox without limits works off its queue in seconds; one with a gap mail by mail.
        if ahead >= Self.deepest { return now + 1 }
        var next: [Date] = []
        if ahead > 0, budget.gapSeconds > 0 { next.append(now + max(60, Double(budget.gapSeconds))) }
        for usage in budget.usage where usage.mails > 0 {
            if budget.hourlyLimit != nil { next.append(usage.hour + Self.hour) }
            if budget.dailyLimit != nil || !budget.ramp.isEmpty { next.append(usage.hour + Self.day) }
        }
        if let opensAt = budget.opensAt, budget.gapSeconds > 0 { next.append(opensAt - Self.horizon / 2) }
        if !budget.ramp.isEmpty { next.append(readAt + 86_400 * (now.timeIntervalSince(readAt) / 86_400 + 1).rounded(.down)) }
        return next.filter { $0 > now }.min() ?? now + 900
    }

    /// As many more are handed over.
    mutating func take(_ count: Int = 1) { taken += count }

    /// What waits at Delivery, as if it went at `now`: where a forecast begins.
    mutating func settleWaiting(at now: Date) {
        taken += budget.waiting
        budget.waiting = 0
        settle(at: now)
    }

    /// What was taken counts as sent at `instant`: how a forecast goes on from here.
    mutating func settle(at instant: Date) {
        guard taken > 0 else { return }
        let hour = Date(timeIntervalSince1970: (instant.timeIntervalSince1970 / 3_600).rounded(.down) * 3_600)
        if let last = budget.usage.last, last.hour == hour {
            budget.usage[budget.usage.count - 1].mails += taken
        } else {
            budget.usage.append(.init(hour: hour, mails: taken))
        }
        budget.usage.removeAll { $0.hour + Self.day <= instant }
        if budget.gapSeconds > 0 {
            budget.opensAt = max(budget.opensAt ?? instant, instant) + Double(taken * budget.gapSeconds)
        }
        taken = 0
    }

    private func used(within window: TimeInterval, at now: Date) -> Int {
        budget.usage.reduce(0) { $1.hour + window > now ? $0 + $1.mails : $0 }
    }
}
