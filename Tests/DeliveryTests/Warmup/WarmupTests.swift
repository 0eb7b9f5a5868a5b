import Foundation
import TestSupport
import Testing

@testable import Delivery

@Suite("A warm-up")
struct WarmupTests {
    private static let start = Date(timeIntervalSince1970: 1_800_000_000)
    private static let day: TimeInterval = 86_400

    private static func at(_ days: Double) -> Date { start.addingTimeInterval(days * day) }

    @Test("even steps rise from a few a day to the goal, never fall, and end there", arguments: [10, 20, 30])
    func steps(days: Int) {
        let strategy = WarmupStrategy.even(days: days)
        let limits = (0..<60).map { strategy.limit(onStep: $0, target: 200) }
        #expect(limits[0] <= 20 && limits[0] >= 5)
        #expect(zip(limits, limits.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(limits[days - 1] == 200 && limits[days - 2] < 200 && limits[59] == 200)
        // As the whole numbers say it, whatever the shares look like in binary.
        for target in [1, 4, 7, 50, 99, 200, 1_000] {
            for step in 0..<days {
                #expect(strategy.limit(onStep: step, target: target) == min(target, max(5, (target * (step + 1) + days - 1) / days)))
            }
        }
    }

    @Test("a strategy that falls, ends below the goal or has no steps is none")
    func faults() {
        func fault(_ shares: [Double], least: Int = 5) -> WarmupStrategy.Fault? {
            do throws(WarmupStrategy.Fault) {
                try WarmupStrategy(name: "x", title: "", description: "", least: least, shares: shares).check()
                return nil
            } catch { return error }
        }
        #expect(fault([0.5, 1]) == nil && fault([1]) == nil)
        #expect(fault([]) == .noSteps && fault(Array(repeating: 1, count: 121)) == .tooManySteps)
        #expect(fault([0, 1]) == .shareOutOfRange && fault([0.5, 1.1]) == .shareOutOfRange && fault([.nan, 1]) == .shareOutOfRange)
        #expect(fault([0.6, 0.5, 1]) == .falls && fault([0.5, 0.9]) == .endsBelowOne)
        #expect(fault([1], least: 0) == .leastOutOfRange && fault([1], least: 1_001) == .leastOutOfRange)
    }

    @Test("a yellow day holds the step, a red one goes back two, an idle one is none, and a green one goes on")
    func judgements() {
        var warmup = Warmup(strategy: .even(days: 10), startedAt: Self.start)
        func judge(_ judgement: Warmup.Judgement, _ days: Double) -> Int {
            // Once a day.
            let (first, second) = (warmup.judge(judgement, at: Self.at(days)), warmup.judge(.setBack, at: Self.at(days)))
            #expect(first && !second)
            return warmup.step(at: Self.at(days))
        }
        #expect(judge(.advanced, 1.1) == 1)
        #expect(judge(.advanced, 2.1) == 2)
        #expect(judge(.advanced, 3.1) == 3)
        #expect(judge(.held, 4.1) == 3)
        #expect(judge(.idle, 5.1) == 3)
        #expect(judge(.advanced, 6.1) == 4)
        #expect(judge(.setBack, 7.1) == 2)
        #expect(judge(.setBack, 8.1) == 0)
        #expect(judge(.setBack, 9.1) == 0)
        #expect(judge(.advanced, 10.1) == 1)
        #expect(warmup.limit(at: Self.at(10.1), target: 100) == 20)
        #expect(Warmup.Judgement(.red, isSending: false) == .setBack && Warmup.Judgement(.yellow, isSending: true) == .held)
        #expect(Warmup.Judgement(.green, isSending: true) == .advanced && Warmup.Judgement(nil, isSending: true) == .advanced)
        #expect(Warmup.Judgement(.green, isSending: false) == .idle && Warmup.Judgement(nil, isSending: false) == .idle)
    }

    @Test("days that nobody looked back on count as steps; only the last that ended is judged")
    func missedDays() {
        var warmup = Warmup(strategy: .even(days: 30), startedAt: Self.start)
        let judged = warmup.judge(.held, at: Self.at(8.5))
        #expect(judged && warmup.step(at: Self.at(8.5)) == 7 && warmup.judgedDays == 8)
    }

    @Test("whoever has come to the end stays there")
    func finished() {
        var warmup = Warmup(strategy: .even(days: 10), startedAt: Self.start)
        #expect(warmup.state(at: Self.at(9.9)) == .running && warmup.state(at: Self.at(10)) == .finished)
        let judged = (warmup.judge(.advanced, at: Self.at(10.5)), warmup.judge(.setBack, at: Self.at(12)))
        #expect(judged == (true, true))
        #expect(
            warmup.state(at: Self.at(12)) == .finished && warmup.limit(at: Self.at(12), target: 77) == 77
                && warmup.plan(at: Self.at(12), target: 77) == [])
    }

    @Test("another strategy goes on from today's limit and never below it")
    func change() {
        for (from, to) in [(30, 10), (10, 30), (20, 20)] {
            for days in stride(from: 0.5, to: 35, by: 1) {
                var warmup = Warmup(strategy: .even(days: from), startedAt: Self.start)
                let before = warmup.limit(at: Self.at(days), target: 100)
                warmup.change(to: .even(days: to), at: Self.at(days), target: 100)
                let after = warmup.limit(at: Self.at(days), target: 100)
                #expect(after >= before && after - before <= 100 / to + 1)
            }
        }
    }

    /// What a restart leaves: the values that are stored, and nothing else.
    private static func restarted(_ warmup: Warmup) -> Warmup {
        var copy = Warmup(strategy: warmup.strategy, startedAt: warmup.startedAt, pausedAt: warmup.pausedAt)
        copy.pausedSeconds = warmup.pausedSeconds
        copy.lagDays = warmup.lagDays
        copy.judgedDays = warmup.judgedDays
        copy.judgement = warmup.judgement
        return copy
    }

    @Test(
        "over pauses, bands and restarts: limits stay in bounds, a pause costs its time and nothing else, and the plan begins with today",
        arguments: 0..<100 as Range<UInt64>)
    func histories(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let strategy = WarmupStrategy.even(days: Int.random(in: 1...40, using: &random))
        let target = Int.random(in: 1...500, using: &random)
        var warmup = Warmup(strategy: strategy, startedAt: Self.start)
        // The same history without its pauses, by a clock that stands still meanwhile.
        var undisturbed = warmup
        var (now, own) = (0.0, 0.0)
        for _ in 0..<200 {
            if warmup.pausedAt == nil, Int.random(in: 0..<6, using: &random) == 0 {
                warmup.pause(at: Self.at(now))
                let before = warmup.limit(at: Self.at(now), target: target)
                now += Double(Int.random(in: 0...40, using: &random)) / 4
                #expect(warmup.limit(at: Self.at(now), target: target) == before)
                // Pausing twice is pausing once.
                warmup.pause(at: Self.at(now))
                warmup = Self.restarted(warmup)
                warmup.resume(at: Self.at(now))
            }
            let step = Double(Int.random(in: 1...8, using: &random)) / 4
            (now, own) = (now + step, own + step)
            let judgement: Warmup.Judgement = [.advanced, .advanced, .held, .setBack, .idle].randomElement(using: &random)!
            let (before, wasFinished) = (warmup.step(at: Self.at(now)), warmup.state(at: Self.at(now - 1)) == .finished)
            if Int.random(in: 0..<3, using: &random) > 0 {
                let judged = (warmup.judge(judgement, at: Self.at(now)), undisturbed.judge(judgement, at: Self.at(own)))
                #expect(judged.0 == judged.1)
                if judgement == .advanced || wasFinished { #expect(warmup.step(at: Self.at(now)) == before) }
            }
            if Bool.random(using: &random) { warmup = Self.restarted(warmup) }
            let limit = warmup.limit(at: Self.at(now), target: target)
            #expect((1...target).contains(limit) && limit >= min(target, strategy.least))
            #expect(limit == undisturbed.limit(at: Self.at(own), target: target))
            let plan = warmup.plan(at: Self.at(now), target: target)
            #expect(plan.isEmpty == (warmup.state(at: Self.at(now)) == .finished))
            #expect(plan.isEmpty || plan[0] == limit)
            #expect(zip(plan, plan.dropFirst()).allSatisfy { $0 <= $1 } && (plan.last ?? target) == target)
        }
    }
}
