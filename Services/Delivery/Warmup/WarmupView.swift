import Contracts
import Foundation

/// A mailbox' warm-up as its owner sees it.
struct WarmupView: Encodable, Sendable {
    struct Planned: Encodable, Sendable {
        /// UTC, on which the limit begins.
        let date: String
        let limit: Int
    }

    let mailbox: MailboxID
    /// `off`, `running`, `paused` or `finished`.
    let state: String
    let strategy: String?
    let startedAt: Date?
    let pausedAt: Date?
    /// The daily limit that it leads to.
    let target: Int
    /// Mails in any 24 hours, today; null is no limit.
    let todaysLimit: Int?
    /// Of `days`, the first being 1.
    let day: Int?
    let days: Int?
    let daysLeft: Int?
    /// Days that pauses of the mailbox and its reputation have cost.
    let heldDays: Int
    /// What was said of the last day that has ended: `advanced`, `held`, `set_back`, `idle`.
    let judgement: Warmup.Judgement?
    /// Today and the days to come, if nothing holds them up.
    let plan: [Planned]

    init(_ entry: WarmupStore.Entry, now: Date) {
        mailbox = entry.mailbox
        target = entry.target
        strategy = entry.warmup?.strategy.name
        startedAt = entry.warmup?.startedAt
        pausedAt = entry.warmup?.pausedAt
        state = entry.warmup?.state(at: now).rawValue ?? "off"
        todaysLimit = entry.warmup.map { $0.limit(at: now, target: entry.target) } ?? entry.dailyLimit
        days = entry.warmup?.strategy.days
        day = entry.warmup.map { min($0.step(at: now) + 1, $0.strategy.days) }
        daysLeft = entry.warmup.map { max(0, $0.strategy.days - $0.step(at: now)) }
        heldDays = entry.warmup?.lagDays ?? 0
        judgement = entry.warmup?.judgement
        let today = CivilDay.number(at: now)
        plan = (entry.warmup?.plan(at: now, target: entry.target) ?? []).enumerated().map { index, limit in
            Planned(date: CivilDay.text(of: today + index), limit: limit)
        }
    }
}
