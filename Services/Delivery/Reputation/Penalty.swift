/// One of the four things that cost points: the part of its weight that a value costs is drawn through two published anchors.
///
/// Nothing at zero, three tenths of the weight where it becomes noticeable, all of it at the full anchor and above, straight lines between: it
/// never falls while the value grows, and never costs more than its weight.
struct Penalty: Sendable, Equatable {
    enum Kind: String, Sendable, Codable, CaseIterable {
        case bounces, complaints, unsubscribes
        case volumeSwings = "volume_swings"
    }

    let kind: Kind
    /// Points at most.
    let weight: Double
    /// The value that costs nothing.
    let free: Double
    let noticeable: Double
    let full: Double
    /// Fewer mails count as so many: a single event among a handful proves little.
    let leastMails: Int

    /// Refused or returned mails of those that a server judged.
    static let bounces = Penalty(kind: .bounces, weight: 35, free: 0, noticeable: 0.02, full: 0.05, leastMails: 100)
    /// Complaints of accepted mails; Gmail's own lines are 0.10 % and 0.30 %.
    static let complaints = Penalty(kind: .complaints, weight: 35, free: 0, noticeable: 0.001, full: 0.003, leastMails: 1_000)
    static let unsubscribes = Penalty(kind: .unsubscribes, weight: 15, free: 0, noticeable: 0.01, full: 0.03, leastMails: 100)
    /// A day's mails to the median of the sending days in the week before.
    static let volumeSwings = Penalty(kind: .volumeSwings, weight: 15, free: 1, noticeable: 2, full: 5, leastMails: 20)

    static let noticeablePart = 0.3

    /// Points that `value` costs.
    func points(of value: Double) -> Double {
        guard value > free else { return 0 }
        guard value < full else { return weight }
        let part =
            value <= noticeable
            ? Self.noticeablePart * (value - free) / (noticeable - free)
            : Self.noticeablePart + (1 - Self.noticeablePart) * (value - noticeable) / (full - noticeable)
        return weight * part
    }

    /// Events of mails, as a part of at least ``leastMails``; at most 1.
    func rate(_ events: Int, of mails: Int) -> Double {
        min(1, Double(events) / Double(max(mails, leastMails)))
    }
}
