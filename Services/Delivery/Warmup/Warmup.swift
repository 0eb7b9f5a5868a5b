import Foundation
import Postgres

/// Where a mailbox stands in its warm-up: the day's limit follows from these stored values and the clock alone, so that restarts and replicas
/// agree, and a pause costs nothing but time.
///
/// Each day that passes is a step up. Looked back on, a day in a yellow band, or one on which the mailbox did not send because it was paused or
/// stopped, counts as none; one in a red band takes two steps back.
struct Warmup: Sendable, Equatable {
    enum Judgement: String, Sendable, Codable {
        case advanced
        /// The band was yellow.
        case held
        /// The band was red.
        case setBack = "set_back"
        /// The mailbox was paused or stopped.
        case idle

        /// By how many days its steps fall behind.
        var lag: Int {
            switch self {
            case .advanced: 0
            case .held, .idle: 1
            // The step that the day would have been, and two more.
            case .setBack: 3
            }
        }

        init(_ band: ReputationScore.Band?, isSending: Bool) {
            self =
                switch band {
                case .red: .setBack
                case _ where !isSending: .idle
                case .yellow: .held
                // Nobody is held for what is not known of him.
                case .green, nil: .advanced
                }
        }
    }

    enum State: String, Sendable, Codable {
        case running, paused, finished
    }

    var strategy: WarmupStrategy
    var startedAt: Date
    var pausedAt: Date?
    /// In pauses that have ended.
    var pausedSeconds: TimeInterval = 0
    /// By how many days the steps are behind the days.
    var lagDays = 0
    /// Days that were looked back on.
    var judgedDays = 0
    var judgement: Judgement?

    /// Without a limit of its own, a mailbox is warmed up to this.
    static let defaultTarget = 50

    /// Whole days that have passed, pauses not counted.
    func activeDays(at now: Date) -> Int {
        // Instants are a little off in binary: a day that is whole but for that has passed.
        max(0, Int(((pausedAt ?? now).timeIntervalSince(startedAt) - pausedSeconds + 0.001) / 86_400))
    }

    /// The first is 0.
    func step(at now: Date) -> Int {
        max(0, activeDays(at: now) - lagDays)
    }

    func state(at now: Date) -> State {
        if step(at: now) >= strategy.days { return .finished }
        return pausedAt == nil ? .running : .paused
    }

    func limit(at now: Date, target: Int) -> Int {
        strategy.limit(onStep: step(at: now), target: target)
    }

    /// The limits of the days to come, today's first, to the first that is the whole, if nothing holds them up; empty when none are to come or
    /// while it is paused.
    func plan(at now: Date, target: Int) -> [Int] {
        guard state(at: now) == .running else { return [] }
        let limits = (step(at: now)..<strategy.days).map { strategy.limit(onStep: $0, target: target) }
        let whole = limits.firstIndex(of: target) ?? limits.count - 1
        return Array(limits[...whole])
    }

    /// The limit that holds when the days of ``plan(at:target:)`` are over.
    func lastingLimit(at now: Date, target: Int) -> Int {
        state(at: now) == .paused ? limit(at: now, target: target) : target
    }

    /// Whether the days that were looked back on have brought it to its end.
    var hasArrived: Bool { judgedDays - lagDays >= strategy.days }

    // MARK: - Changes

    mutating func pause(at now: Date) {
        guard pausedAt == nil else { return }
        pausedAt = max(now, startedAt)
    }

    mutating func resume(at now: Date) {
        guard let since = pausedAt else { return }
        pausedSeconds += max(0, now.timeIntervalSince(since))
        pausedAt = nil
    }

    /// Looks back on the day that has just ended, once; days before it that nobody looked back on count as steps. True when it changed something.
    mutating func judge(_ judgement: @autoclosure () -> Judgement, at now: Date) -> Bool {
        let active = activeDays(at: now)
        guard active > judgedDays else { return false }
        // Whoever has come to the end stays there.
        let wasFinished = max(0, active - 1 - lagDays) >= strategy.days
        judgedDays = active
        guard !wasFinished else { return true }
        let said = judgement()
        lagDays = min(active, lagDays + said.lag)
        self.judgement = said
        return true
    }

    /// Goes on by another strategy, at its first step that lets as many mails out as today's.
    mutating func change(to other: WarmupStrategy, at now: Date, target: Int) {
        let today = limit(at: now, target: target)
        let step = (0..<other.days).first { other.limit(onStep: $0, target: target) >= today } ?? other.days
        let wasPaused = pausedAt != nil
        self = Warmup(strategy: other, startedAt: now.addingTimeInterval(-Double(step) * 86_400), pausedAt: wasPaused ? now : nil)
        judgedDays = step
    }
}

extension Warmup {
    /// Columns of `mailboxes m left join warmup_strategies s on s.name = m.ramp`.
    static let columns: SQL = """
        m.ramp, m.ramp_started_at, m.warmup_paused_at, m.warmup_paused_seconds, m.warmup_lag_days, m.warmup_judged_days, m.warmup_judgement,
        \(WarmupStrategy.columns)
        """

    /// Nil for a mailbox that is not warmed up.
    init?(row: Row) throws(PostgresError) {
        guard let started: Date = try row.decodeOptional("ramp_started_at"), try row.decodeOptional("strategy_name", as: String.self) != nil else {
            return nil
        }
        self.init(
            strategy: try WarmupStrategy(row: row), startedAt: started, pausedAt: try row.decodeOptional("warmup_paused_at"),
            pausedSeconds: try row.decode("warmup_paused_seconds"), lagDays: try row.decode("warmup_lag_days"),
            judgedDays: try row.decode("warmup_judged_days"),
            judgement: try row.decodeOptional("warmup_judgement", as: String.self).flatMap(Judgement.init))
    }
}
