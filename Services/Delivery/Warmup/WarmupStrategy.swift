import Foundation
import Postgres

/// How a mailbox comes to its daily limit: a share of it for each step. Data, which staff may change.
struct WarmupStrategy: Sendable, Equatable, Codable {
    enum Fault: Error, Equatable {
        case noSteps, tooManySteps, shareOutOfRange, falls, endsBelowOne, leastOutOfRange
    }

    let name: String
    var title: String
    var description: String
    /// No step has a lower limit, unless the goal is lower.
    var least: Int
    /// From 0 to 1, never falling; the last is 1.
    var shares: [Double]

    /// Steps, of a day each.
    var days: Int { shares.count }

    static let mostDays = 120

    /// The limit of a step, the first being 0: it never falls with the step, and never exceeds `target`.
    func limit(onStep step: Int, target: Int) -> Int {
        guard step < days else { return target }
        // A share such as 0.6 is a little off in binary: what is whole must not be rounded up to the next.
        let part = (Double(target) * shares[max(0, step)] - 1e-9).rounded(.up)
        return min(target, max(least, Int(part)))
    }

    /// Throws what is wrong with it.
    func check() throws(Fault) {
        guard !shares.isEmpty else { throw .noSteps }
        guard shares.count <= Self.mostDays else { throw .tooManySteps }
        guard shares.allSatisfy({ $0 > 0 && $0 <= 1 }) else { throw .shareOutOfRange }
        guard zip(shares, shares.dropFirst()).allSatisfy({ $0 <= $1 }) else { throw .falls }
        guard shares.last == 1 else { throw .endsBelowOne }
        guard (1...1_000).contains(least) else { throw .leastOutOfRange }
    }
}

extension WarmupStrategy {
    static let columns: SQL = "s.name as strategy_name, s.title as strategy_title, s.description as strategy_description, s.least, s.shares"

    init(row: Row) throws(PostgresError) {
        self.init(
            name: try row.decode("strategy_name"), title: try row.decode("strategy_title"), description: try row.decode("strategy_description"),
            least: try row.decode("least"), shares: try row.decode("shares"))
    }
}
