import Contracts
import Foundation

/// The reputation of a domain or a mailbox as its owner sees it.
struct ReputationView: Encodable, Sendable {
    struct PenaltyView: Encodable, Sendable {
        let name: Penalty.Kind
        /// Points at most.
        let weight: Double
        /// A rate, or for swings a ratio.
        let value: Double
        let noticeable: Double
        let full: Double
        let points: Double

        init(_ part: ReputationScore.Part) {
            name = part.penalty.kind
            weight = part.penalty.weight
            value = (part.value * 1e6).rounded() / 1e6
            noticeable = part.penalty.noticeable
            full = part.penalty.full
            points = (part.points * 100).rounded() / 100
        }
    }

    struct DayView: Encodable, Sendable {
        let date: String
        /// As it was at the day's end.
        let score: Int?
        let band: ReputationScore.Band?
        /// Of that day alone.
        let counts: ReputationCounts
    }

    struct Trend: Encodable, Sendable {
        let direction: ReputationTrend?
        /// Oldest first; the last is today.
        let days: [DayView]
    }

    let scope: ReputationScope
    let domain: String
    let mailbox: MailboxID?
    let score: Int?
    let band: ReputationScore.Band?
    /// Why there is no score.
    let reason: String?
    let checkedAt: Date
    let windowDays: Int
    /// Of the window.
    let counts: ReputationCounts
    let penalties: [PenaltyView]
    let trend: Trend
    let blacklists: [BlacklistResult]
    /// Whether any of them lists it.
    let isListed: Bool
    let hold: ComplaintHold?

    /// `days` must reach back ``ReputationScore/lookBack`` days before the first of the history.
    init(
        _ subject: ReputationStore.Subject, domain: String, history: Int, days: [Int: ReputationCounts], blacklists: [BlacklistResult],
        hold: ComplaintHold?, now: Date
    ) {
        let today = CivilDay.number(at: now)
        let current = ReputationScore(on: today, of: days)
        scope = subject.scope
        self.domain = domain
        if case .mailbox(let id) = subject { mailbox = id } else { mailbox = nil }
        score = current.score
        band = current.band
        reason = current.reason
        checkedAt = now
        windowDays = ReputationScore.window
        counts = current.counts
        penalties = current.parts.map(PenaltyView.init)
        let views = (today - history + 1...today).map { day in
            let score = ReputationScore(on: day, of: days)
            return DayView(date: CivilDay.text(of: day), score: score.score, band: score.band, counts: days[day] ?? ReputationCounts())
        }
        // The direction is of two weeks, whatever part of the history was asked for.
        trend = Trend(direction: ReputationTrend(scores: (today - 13...today).map { ReputationScore(on: $0, of: days).score }), days: views)
        self.blacklists = blacklists
        isListed = blacklists.contains { $0.status == "listed" }
        self.hold = hold
    }

    /// The first day whose counts are needed for a history of so many days.
    static func firstDay(history: Int, today: Int) -> Int {
        today - max(history, 14) - ReputationScore.lookBack
    }

    static let mostDays = 365
}
