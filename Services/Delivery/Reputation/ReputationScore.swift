import Contracts

/// How well a mailbox or a domain stands, from its own figures: 100 less what bounces, complaints, unsubscribes and swings of volume cost.
///
/// A function of the days' counts: the same days always give the same score, whoever asks and whenever.
struct ReputationScore: Sendable, Equatable {
    enum Band: String, Sendable, Codable, CaseIterable, Comparable {
        case red, yellow, green

        init(score: Int) {
            self =
                switch score {
                case 90...: .green
                case 70..<90: .yellow
                default: .red
                }
        }

        static func < (left: Band, right: Band) -> Bool { left.power < right.power }

        private var power: Int {
            switch self {
            case .red: 0
            case .yellow: 1
            case .green: 2
            }
        }
    }

    /// What one penalty saw, and what it cost.
    struct Part: Sendable, Equatable {
        let penalty: Penalty
        let value: Double
        let points: Double
    }

    /// Nil: too little was sent to say anything.
    let score: Int?
    let counts: ReputationCounts
    let parts: [Part]

    var band: Band? { score.map(Band.init) }
    var reason: String? { score == nil ? Self.notEnoughMail : nil }

    /// Days that count, the one asked for among them.
    static let window = 14
    /// Days behind the window's last one that swings are looked for in.
    static let swingDays = 7
    /// Fewer mails in the window say nothing.
    static let enoughMails = 20
    static let notEnoughMail = "not_enough_mail"
    /// Days before a window's end of which the figures are needed.
    static let lookBack = max(window, swingDays * 2)

    /// The score at the end of `day` (days are numbered as ``CivilDay`` does).
    init(on day: Int, of days: [Int: ReputationCounts]) {
        counts = (day - Self.window + 1...day).reduce(ReputationCounts()) { $0 + (days[$1] ?? ReputationCounts()) }
        let values: [(Penalty, Double)] = [
            (.bounces, Penalty.bounces.rate(counts.bounces, of: counts.tried)),
            (.complaints, Penalty.complaints.rate(counts.complaints, of: counts.accepted)),
            (.unsubscribes, Penalty.unsubscribes.rate(counts.unsubscribes, of: counts.accepted)),
            (.volumeSwings, (day - Self.swingDays + 1...day).map { Self.swing(on: $0, of: days) }.max() ?? 1),
        ]
        parts = values.map { Part(penalty: $0, value: $1, points: $0.points(of: $1)) }
        guard counts.tried >= Self.enoughMails else {
            score = nil
            return
        }
        // Rounded down: who is just at a line has reached it. The little that is added is less than any event costs.
        score = max(0, Int((100 - parts.map(\.points).reduce(0, +) + 1e-9).rounded(.down)))
    }

    /// A day's mails to the median of the days of the week before on which any were sent; 1 where fewer than three were, and at least 1: whoever
    /// sends less surprises nobody.
    static func swing(on day: Int, of days: [Int: ReputationCounts]) -> Double {
        let before = (day - 7..<day).compactMap { days[$0]?.tried }.filter { $0 > 0 }.sorted()
        guard before.count >= 3, let mails = days[day]?.tried else { return 1 }
        let middle = before.count / 2
        let median = before.count % 2 == 1 ? Double(before[middle]) : Double(before[middle - 1] + before[middle]) / 2
        return max(1, Double(mails) / max(median, Double(Penalty.volumeSwings.leastMails)))
    }
}

/// Where scores of days go.
enum ReputationTrend: String, Sendable, Codable {
    case improving, steady, declining

    /// A smaller change of the weeks' means is none.
    static let noticeable = 3.0

    /// Compares the last seven days with the seven before; nil when one of the weeks has no score.
    init?(scores: [Int?]) {
        let last = scores.suffix(7).compactMap(\.self)
        let before = scores.dropLast(7).suffix(7).compactMap(\.self)
        guard !last.isEmpty, !before.isEmpty else { return nil }
        func mean(_ values: [Int]) -> Double { Double(values.reduce(0, +)) / Double(values.count) }
        let change = mean(last) - mean(before)
        self = change >= Self.noticeable ? .improving : change <= -Self.noticeable ? .declining : .steady
    }
}
