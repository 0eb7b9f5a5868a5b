import Foundation
import Testing

@testable import Campaigns

@Suite("Simulation of the campaign scheduler")
struct SimulationTests {
    private static let environment = ProcessInfo.processInfo.environment
    /// One seed to look at closely.
    static let oneSeed = environment["PENGUIN_SEED"].flatMap { UInt64($0) }
    private static let block: UInt64 = 50
    private static let seeds: UInt64 = environment["PENGUIN_TEST_FULL"] == "1" ? 10_000 : 500
    static let blocks: [UInt64] = oneSeed == nil ? Array(0..<(seeds / block)) : []
    static let fewSeeds: [UInt64] = oneSeed == nil ? [1, 7, 42] : []
    static let breakages: [Simulation.Breakage] = oneSeed == nil ? Simulation.Breakage.allCases : []

    @Test(
        "nobody is mailed twice, after a stop, outside a window or beyond a limit, and nobody is forgotten, whatever dies, jumps, races or is lost",
        arguments: SimulationTests.blocks)
    func promises(block: UInt64) {
        for seed in (block * Self.block)..<((block + 1) * Self.block) {
            if let report = Simulation.report(ofSeed: seed) {
                Issue.record("\(report)")
                return
            }
        }
    }

    @Test("one seed, with everything that happens", .enabled(if: SimulationTests.oneSeed != nil))
    func replay() throws {
        let simulation = Simulation(seed: try #require(Self.oneSeed), isTracing: true)
        simulation.printsLines = true
        let failure = simulation.run()
        #expect(failure == nil, "\(failure ?? "")")
    }

    @Test("the simulation finds what is broken on purpose", arguments: SimulationTests.breakages)
    func finds(breakage: Simulation.Breakage) {
        let caught = (UInt64(0)..<200).contains { Simulation(seed: $0, breakage: breakage).run() != nil }
        #expect(caught, "\(breakage.rawValue) went unnoticed in 200 seeds")
    }

    @Test("a seed gives the same run each time", arguments: SimulationTests.fewSeeds)
    func replays(seed: UInt64) {
        let runs = [false, true].map { isTracing in
            let simulation = Simulation(seed: seed, isTracing: isTracing)
            simulation.run()
            return simulation
        }
        #expect(runs[0].steps == runs[1].steps)
        #expect(runs[0].tally == runs[1].tally)
        #expect(runs[0].now == runs[1].now)
        #expect(!runs[1].lines.isEmpty)
    }

    @Test("everything that can go wrong does so in some world", .enabled(if: SimulationTests.oneSeed == nil))
    func coverage() {
        var tally: [String: Int] = [:]
        for seed in UInt64(0)..<60 {
            let simulation = Simulation(seed: seed)
            simulation.run()
            tally.merge(simulation.tally) { $0 + $1 }
        }
        let expected = [
            "abandoned", "accepted", "ambiguous", "answer lost", "cancelled", "clicked", "complained", "completed", "condition", "death", "deferred",
            "duplicate", "edited", "ended", "hand-over", "hard_bounce", "jump", "known key", "moved", "old word", "opened", "paused", "recalled",
            "replied", "resumed", "settled", "stopped", "test decided", "test opened", "too late", "unsubscribed",
        ]
        let missing = expected.filter { (tally[$0] ?? 0) == 0 }
        #expect(missing.isEmpty, "never happened: \(missing.joined(separator: ", "))")
    }
}
