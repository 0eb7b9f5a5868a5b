import Contracts
import Foundation

/// Runs the scheduler ahead of time: the same planner decides, on groups instead of single enrolments, while a clock of its own goes on.
struct Forecaster: Sendable {
    /// How far a forecast looks, and how many looks at the clock it takes at most.
    static let horizon: TimeInterval = 400 * 86_400
    static let longest = 50_000
    /// People who are decided about between two looks at the time, and how long it may take.
    private static let portion = 2_000
    static let patience = Duration.seconds(3)

    private let input: ForecastInput
    private let days: SendingWindow
    private var now: Date
    private var rooms: [MailboxRoom]
    private var cursor: Int64
    private var hours: [String?: OpeningHours] = [:]
    private var today: (day: String, interval: DateInterval)
    private var sentToday: Int
    /// What is due, and what will be, by instant.
    private var ready: [ForecastGroup: Int] = [:]
    private var later: [Date: [ForecastGroup: Int]] = [:]
    private var instants = InstantQueue()
    private var result = Forecast()
    private var mailsOfDay: [MailboxID: Int] = [:]

    static func run(_ input: ForecastInput) async -> Forecast {
        var forecaster = Forecaster(input)
        return await forecaster.run()
    }

    private init(_ input: ForecastInput) {
        self.input = input
        now = input.now
        days = input.schedule.days
        today = (days.localDay(of: input.now), days.dayInterval(of: input.now))
        // What is out counts as gone today.
        sentToday = input.sentToday + input.outstanding
        cursor = input.cursor
        rooms = input.rooms
        for index in rooms.indices { rooms[index].settleWaiting(at: input.now) }
        for (group, count) in input.groups { put(group, count) }
    }

    private mutating func run() async -> Forecast {
        var turns = 0
        let deadline = ContinuousClock.now + Self.patience
        while now < input.now + Self.horizon {
            guard turns < Self.longest, ContinuousClock.now < deadline, !Task.isCancelled else {
                result.reason = .tooLarge
                break
            }
            turns += 1
            // Others' requests have their turn between two.
            await Task.yield()
            takeDue()
            guard let next = turn() else { break }
            advance(to: next)
        }
        endDay()
        result.unplaced = ready.values.reduce(0, +) + later.values.reduce(0) { $0 + $1.values.reduce(0, +) }
        result.isComplete = result.unplaced == 0
        result.endsOn = result.isComplete ? result.days.last?.day : nil
        result.assumptions = assumptions
        return result
    }

    /// Decides what is due now; gives the next instant at which something may happen, nil when nothing will.
    private mutating func turn() -> Date? {
        guard !ready.isEmpty else { return instants.first }
        var planner = Planner(
            schedule: input.schedule, now: now, sentToday: sentToday, outstanding: 0, rooms: rooms, cursor: cursor, hours: hours)
        defer { hours = planner.hours }
        if case .closed(let until, let reason) = planner.verdict {
            result.reason = reason
            // Nothing that a clock brings will open it: only people can.
            if reason == .windowNeverOpens || reason == .mailboxesUnavailable { return nil }
            return until
        }
        // As the rounds do: those in a thread first, then by when they are due.
        let due = ready.keys.sorted {
            ($0.mailbox == nil ? 1 : 0, $0.dueAt, $0.step, $0.zone ?? "") < ($1.mailbox == nil ? 1 : 0, $1.dueAt, $1.step, $1.zone ?? "")
        }
        var (hasMoved, left) = (false, Self.portion)
        for group in due {
            guard left > 0, let all = ready[group] else { continue }
            let count = min(all, left)
            left -= count
            guard input.sequence.step(group.step)?.email != nil else {
                hasMoved = true
                pass(group, count)
                continue
            }
            for part in planner.decide(DueGroup(key: group, count: count, zone: group.zone, mailbox: group.mailbox)) {
                take(part.count, from: group, part.decision, &hasMoved)
            }
        }
        rooms = planner.rooms
        for index in rooms.indices { rooms[index].settle(at: now) }
        cursor = planner.rotation.cursor
        if ready.isEmpty { return instants.first }
        if case .closed(let until, let reason) = planner.verdict {
            result.reason = reason
            return min(until, instants.first ?? until)
        }
        return hasMoved ? now : min(now + 60, instants.first ?? now + 60)
    }

    private mutating func take(_ count: Int, from group: ForecastGroup, _ decision: Planner.Decision, _ hasMoved: inout Bool) {
        switch decision {
        case .leave: return
        case .wait(let until, let reason):
            // It makes room in the portion for those behind it.
            hasMoved = true
            result.reason = reason
            remove(count, from: group)
            var waiting = group
            waiting.dueAt = max(until, now + 1)
            put(waiting, count)
        case .mail(let mailbox):
            hasMoved = true
            remove(count, from: group)
            note(count, mailbox, isFirst: group.mailbox == nil)
            var next = group
            next.mailbox = mailbox
            stand(next, count, input.sequence.after(step: group.step, at: now))
        }
    }

    /// A condition: nobody opens, clicks or answers.
    private mutating func pass(_ group: ForecastGroup, _ count: Int) {
        remove(count, from: group)
        guard let answer = input.sequence.evaluate(condition: group.step, facts: ConditionFacts(), at: now) else { return }
        stand(group, count, answer.standing)
    }

    private mutating func stand(_ group: ForecastGroup, _ count: Int, _ standing: Standing) {
        guard case .at(let step, let dueAt) = standing else { return }
        put(ForecastGroup(step: step, dueAt: dueAt, zone: group.zone, mailbox: group.mailbox), count)
    }

    private mutating func note(_ count: Int, _ mailbox: MailboxID, isFirst: Bool) {
        if result.days.last?.day != today.day {
            endDay()
            result.days.append(Forecast.Day(day: today.day))
        }
        result.days[result.days.count - 1].mails += count
        if isFirst { result.days[result.days.count - 1].firstMails += count }
        mailsOfDay[mailbox, default: 0] += count
        sentToday += count
        result.mails += count
        result.firstMailAt = result.firstMailAt ?? now
        result.lastMailAt = now
    }

    private mutating func endDay() {
        guard !mailsOfDay.isEmpty, !result.days.isEmpty else { return }
        result.days[result.days.count - 1].mailboxes = mailsOfDay.map { Forecast.MailboxShare(mailbox: $0.key, mails: $0.value) }
            .sorted { $0.mailbox.description < $1.mailbox.description }
        mailsOfDay = [:]
    }

    // MARK: - The clock

    private mutating func advance(to next: Date) {
        now = max(now, next)
        guard now >= today.interval.end else { return }
        today = (days.localDay(of: now), days.dayInterval(of: now))
        sentToday = 0
    }

    private mutating func takeDue() {
        while let first = instants.first, first <= now {
            instants.removeFirst()
            for (group, count) in later.removeValue(forKey: first) ?? [:] { ready[group, default: 0] += count }
        }
    }

    private mutating func put(_ group: ForecastGroup, _ count: Int) {
        if group.dueAt <= now {
            ready[group, default: 0] += count
        } else {
            if later[group.dueAt] == nil { instants.insert(group.dueAt) }
            later[group.dueAt, default: [:]][group, default: 0] += count
        }
    }

    private mutating func remove(_ count: Int, from group: ForecastGroup) {
        let left = (ready[group] ?? 0) - count
        ready[group] = left > 0 ? left : nil
    }

    private var assumptions: [String] {
        var assumptions = ["nobody_answers", "no_bounces", "mailboxes_stay_as_they_are", "quota_suffices"]
        let steps = input.sequence.steps
        if steps.contains(where: { if case .condition = $0.action { true } else { false } }) { assumptions.append("conditions_not_met") }
        if steps.contains(where: { $0.email?.test != nil }) { assumptions.append("tests_decided_at_once") }
        return assumptions
    }
}

/// Instants in order, each once.
struct InstantQueue: Sendable {
    /// Latest first, so that taking the earliest costs nothing.
    private var instants: [Date] = []

    var first: Date? { instants.last }

    mutating func insert(_ instant: Date) {
        var (low, high) = (0, instants.count)
        while low < high {
            let middle = (low + high) / 2
            if instants[middle] > instant { low = middle + 1 } else { high = middle }
        }
        if low < instants.count, instants[low] == instant { return }
        instants.insert(instant, at: low)
    }

    mutating func removeFirst() { instants.removeLast() }
}
