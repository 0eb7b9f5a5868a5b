import Contracts
import Foundation
import TestSupport
import Testing

@testable import Delivery

@Suite("The score of a reputation")
struct ReputationScoreTests {
    private static let today = 20_000

    /// Each of the fortnight's days alike.
    private static func days(_ counts: ReputationCounts, count: Int = ReputationScore.window) -> [Int: ReputationCounts] {
        Dictionary(uniqueKeysWithValues: (0..<count).map { (today - $0, counts) })
    }

    private static func score(_ counts: ReputationCounts) -> ReputationScore {
        // All of it on the first day of the window, so that no swing counts.
        ReputationScore(on: today, of: [today - ReputationScore.window + 1: counts])
    }

    @Test(
        "the published anchors, each alone",
        arguments: [
            (ReputationCounts(accepted: 10_000), 100, ReputationScore.Band.green),
            // Bounces: 2 % costs three tenths of 35, 5 % and more all of it.
            (ReputationCounts(accepted: 9_800, refused: 200), 89, .yellow),
            (ReputationCounts(accepted: 9_801, refused: 199), 89, .yellow),
            (ReputationCounts(accepted: 9_900, refused: 100), 94, .green),
            (ReputationCounts(accepted: 9_500, refused: 500), 65, .red),
            (ReputationCounts(accepted: 10_000, hardBounces: 500), 65, .red),
            (ReputationCounts(accepted: 5_000, refused: 5_000), 65, .red),
            // Complaints: 0.1 % and 0.3 %.
            (ReputationCounts(accepted: 10_000, complaints: 10), 89, .yellow),
            (ReputationCounts(accepted: 10_000, complaints: 30), 65, .red),
            (ReputationCounts(accepted: 10_000, complaints: 300), 65, .red),
            // Unsubscribes: 1 % and 3 %.
            (ReputationCounts(accepted: 10_000, unsubscribes: 100), 95, .green),
            (ReputationCounts(accepted: 10_000, unsubscribes: 300), 85, .yellow),
            (ReputationCounts(accepted: 10_000, refused: 5_000, complaints: 300, unsubscribes: 3_000), 15, .red),
        ] as [(ReputationCounts, Int, ReputationScore.Band)])
    func anchors(counts: ReputationCounts, score: Int, band: ReputationScore.Band) {
        let found = Self.score(counts)
        #expect(found.score == score && found.band == band)
    }

    @Test("little mail proves little: below twenty there is no score, and one bounce of thirty turns nothing red")
    func fewMails() {
        let none = Self.score(ReputationCounts(accepted: 2, refused: 1))
        #expect(none.score == nil && none.band == nil && none.reason == "not_enough_mail")
        #expect(Self.score(ReputationCounts(accepted: 19)).score == nil && Self.score(ReputationCounts(accepted: 20)).score == 100)
        #expect(Self.score(ReputationCounts(accepted: 29, refused: 1)).band == .green)
        #expect(Self.score(ReputationCounts(accepted: 200, complaints: 1)).band == .yellow)
        #expect(Self.score(ReputationCounts(accepted: 25, refused: 25)).band == .red)
    }

    @Test("a day far above its usual counts as a swing for a week; a quiet one, or one with nothing to compare, does not")
    func swings() {
        var days = Self.days(ReputationCounts(accepted: 100), count: 21)
        #expect(ReputationScore(on: Self.today, of: days).score == 100)
        days[Self.today] = ReputationCounts(accepted: 200)
        #expect(ReputationScore.swing(on: Self.today, of: days) == 2)
        #expect(ReputationScore(on: Self.today, of: days).score == 95)
        days[Self.today] = ReputationCounts(accepted: 900)
        #expect(ReputationScore(on: Self.today, of: days).score == 85)
        #expect(ReputationScore(on: Self.today + 6, of: days).score == 85)
        #expect(ReputationScore(on: Self.today + 7, of: days).score == 100)
        days[Self.today] = ReputationCounts(accepted: 3)
        #expect(ReputationScore(on: Self.today, of: days).score == 100)
        // Two sending days before are too few, and a handful more is no swing.
        #expect(ReputationScore.swing(on: 10, of: [8: .init(accepted: 5), 9: .init(accepted: 5), 10: .init(accepted: 500)]) == 1)
        let few = [6: 2, 7: 3, 8: 2, 9: 3, 10: 20].mapValues { ReputationCounts(accepted: $0) }
        #expect(ReputationScore.swing(on: 10, of: few) == 1)
    }

    @Test(
        "whatever the figures: the score is from 0 to 100, never rises with more trouble, and is what the parts say",
        arguments: 0..<40 as Range<UInt64>)
    func properties(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            var days: [Int: ReputationCounts] = [:]
            for day in Self.today - ReputationScore.lookBack...Self.today {
                let accepted = Int.random(in: 0...400, using: &random)
                days[day] = ReputationCounts(
                    accepted: accepted, refused: Int.random(in: 0...20, using: &random), hardBounces: Int.random(in: 0...5, using: &random),
                    complaints: Int.random(in: 0...2, using: &random), unsubscribes: Int.random(in: 0...8, using: &random))
            }
            let before = ReputationScore(on: Self.today, of: days)
            guard let score = before.score else { continue }
            #expect((0...100).contains(score))
            let points = before.parts.map(\.points)
            #expect(abs(Double(score) - (100 - points.reduce(0, +))) < 1.000_001)
            for (part, value) in zip(before.parts, points) { #expect(value >= 0 && value <= part.penalty.weight) }
            let changes: [WritableKeyPath<ReputationCounts, Int>] = [\.hardBounces, \.complaints, \.unsubscribes]
            for change in changes {
                var worse = days
                worse[Self.today - Int.random(in: 0..<ReputationScore.window, using: &random), default: ReputationCounts()][keyPath: change] += 3
                #expect(try! #require(ReputationScore(on: Self.today, of: worse).score) <= score)
            }
        }
    }

    @Test("a penalty never falls, begins at nothing and ends at its weight", arguments: [Penalty.bounces, .complaints, .unsubscribes, .volumeSwings])
    func penalty(_ penalty: Penalty) {
        let values = (0...1_000).map { penalty.points(of: penalty.full * Double($0) / 500) }
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(values[0] == 0 && values[1_000] == penalty.weight && penalty.points(of: penalty.free) == 0)
        #expect(abs(penalty.points(of: penalty.noticeable) - penalty.weight * 0.3) < 1e-9)
        #expect(penalty.points(of: penalty.full) == penalty.weight)
    }

    @Test("weights are 35, 35, 15 and 15, and bands begin at 90 and 70")
    func weights() {
        #expect([Penalty.bounces, .complaints, .unsubscribes, .volumeSwings].map(\.weight) == [35, 35, 15, 15])
        #expect([100, 90, 89, 70, 69, 0].map(ReputationScore.Band.init) == [.green, .green, .yellow, .yellow, .red, .red])
        #expect(ReputationScore.Band.red < .yellow && ReputationScore.Band.yellow < .green)
    }

    @Test("a trend compares the last week with the one before")
    func trend() {
        #expect(ReputationTrend(scores: Array(repeating: 90, count: 14)) == .steady)
        #expect(ReputationTrend(scores: Array(repeating: 80, count: 7) + Array(repeating: 83, count: 7)) == .improving)
        #expect(ReputationTrend(scores: Array(repeating: 83, count: 7) + Array(repeating: 80, count: 7)) == .declining)
        #expect(ReputationTrend(scores: Array(repeating: nil, count: 7) + Array(repeating: 80, count: 7)) == nil)
        #expect(ReputationTrend(scores: [90, nil, nil, nil, nil, nil, nil, nil, 70, nil, nil, nil, nil, nil]) == .declining)
        #expect(ReputationTrend(scores: []) == nil)
    }
}

@Suite("The complaint breaker")
struct ComplaintBreakerTests {
    @Test(
        "it trips at the exact count",
        arguments: [
            (0, 0, nil), (0, 1_000_000, nil), (1, 999, nil), (1, 1_000, .pause), (1, 1_001, nil), (2, 1_999, .pause), (2, 2_000, .pause),
            (2, 2_001, nil),
            (4, 5_000, nil), (5, 5_000, .pause), (14, 5_000, .pause), (15, 5_000, .stop), (3, 1_000, .stop), (3, 1_001, .pause), (2, 999, nil),
            (3, 999, .stop), (3, 3, .stop), (2, 2, nil), (99, 100_000, nil), (100, 100_000, .pause), (299, 100_000, .pause), (300, 100_000, .stop),
        ] as [(Int, Int, ComplaintBreaker.Level?)])
    func level(complaints: Int, accepted: Int, expected: ComplaintBreaker.Level?) {
        #expect(ComplaintBreaker.level(complaints: complaints, accepted: accepted) == expected)
    }

    @Test("more complaints of as many mails never lower the level")
    func monotone() {
        for accepted in [0, 10, 999, 1_000, 1_500, 10_000] {
            let levels = (0...60).map { ComplaintBreaker.level(complaints: $0, accepted: accepted) }
            let ranks = levels.map { level in level.map { $0 == .stop ? 2 : 1 } ?? 0 }
            #expect(zip(ranks, ranks.dropFirst()).allSatisfy { $0 <= $1 })
        }
    }
}
