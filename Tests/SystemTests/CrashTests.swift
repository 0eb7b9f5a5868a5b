import AsyncHTTPClient
import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@Suite("Delivery dies at every step", .serialized)
struct CrashTests {
    /// The places in Delivery at which a process can be killed; see its FaultPoint.
    private static let points = [
        "after_claim", "after_hand_over", "after_take", "before_mark", "after_mark", "after_reply", "inside_outcome", "after_outcome", "inside_sweep",
    ]
    private static let isFull = ProcessInfo.processInfo.environment["PENGUIN_TEST_FULL"] != nil
    private static let hourlyLimit = 60

    /// How many deaths, and how many mails are on their way meanwhile.
    private static let kills = isFull ? 2_000 : 200
    private static let mails = isFull ? 40_000 : 6_000

    @Test("three replicas, killed again and again at every step: nothing lost, nothing twice, nothing unmarked, no limit exceeded")
    func kills() async throws {
        var random = SeededRandom(seed: Self.seed())
        let ground = try await DeliveryGround.make()
        // Slow enough that the mails last as long as the deaths.
        let sink = RecordingSink(delays: 2_000...20_000)
        try await sink.serve { port in
            let replicas = try (1...3).map { try DeliveryReplica(ground, instance: $0) }
            try replicas[0].start(fault: nil)
            let plan = try await CrashPlan.make(ground, replicas[0], sinkPort: port, mails: Self.mails)
            replicas[0].kill()
            let limit = ContinuousClock.now + .seconds(Self.isFull ? 3_000 : 420)
            // Deaths, until there were enough or everything is sent; Redis is emptied now and then.
            var flushes = 0
            var patience: [ContinuousClock.Instant] = replicas.map { _ in .now }
            while replicas.map(\.kills).reduce(0, +) < Self.kills, ContinuousClock.now < limit {
                for (index, replica) in replicas.enumerated() {
                    // Who does not come by its point, as one that does not lead, dies wherever it is.
                    if replica.isRunning, patience[index] < .now { replica.kill() }
                    guard !replica.isRunning else { continue }
                    let point = Self.points[Int.random(in: 0..<Self.points.count, using: &random)]
                    try replica.start(fault: "\(point):\(Int.random(in: 1...8, using: &random))")
                    patience[index] = .now + .milliseconds(Int.random(in: 400...1_500, using: &random))
                }
                try await Task.sleep(for: .milliseconds(20))
                let deaths = replicas.map(\.kills).reduce(0, +)
                if deaths / 50 > flushes {
                    flushes = deaths / 50
                    try await ground.redis.flushAll()
                }
                if try await plan.open() == 0 { break }
            }
            let deaths = replicas.map(\.kills).reduce(0, +)
            for replica in replicas { replica.kill() }
            for replica in replicas { try replica.start(fault: nil) }
            try await eventually("every mail has its fate", within: .seconds(300)) { try await plan.open() == 0 }
            for replica in replicas { replica.kill() }
            let held = try await plan.check(sink, hourlyLimit: Self.hourlyLimit)
            print("\(deaths) deaths, \(flushes) times Redis emptied, \(Self.mails) mails, \(held) of them held")
            #expect(deaths >= Self.kills / 4, "too few deaths to prove anything")
        }
        try ground.remove()
    }

    @Test("lines to Postgres and Redis that break, and a Postgres that crashes, under three replicas that live: nothing lost, nothing twice")
    func brokenLines() async throws {
        var random = SeededRandom(seed: Self.seed())
        let ground = try await DeliveryGround.make()
        let sink = RecordingSink(delays: 2_000...20_000)
        try await sink.serve { port in
            let replicas = try (1...3).map { try DeliveryReplica(ground, instance: $0) }
            for replica in replicas { try replica.start(fault: nil) }
            let plan = try await CrashPlan.make(ground, replicas[0], sinkPort: port, mails: 3_000)
            var faults = 0
            while faults < 60, (try? await plan.open()) != 0 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...250, using: &random)))
                faults += 1
                switch Int.random(in: 1...10, using: &random) {
                case 1: try await ground.postgres.restart()
                case 2...4: try await ground.breakRedisLines()
                default: try await ground.breakPostgresLines()
                }
            }
            try await eventually("every mail has its fate", within: .seconds(120)) { (try? await plan.open()) == 0 }
            for replica in replicas { replica.kill() }
            let held = try await plan.check(sink, hourlyLimit: Self.hourlyLimit)
            print("\(faults) faults, \(held) mails held")
            #expect(faults >= 20, "too few faults to prove anything")
            // A process that lives knows what became of its mails.
            #expect(held == 0)
        }
        try ground.remove()
    }

    private static func seed() -> UInt64 {
        let seed = UInt64(ProcessInfo.processInfo.environment["PENGUIN_SEED"] ?? "") ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("PENGUIN_SEED=\(seed)")
        return seed
    }
}
