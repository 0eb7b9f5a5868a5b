/// When mail that came back means that the address is not written to any more.
enum SuppressionRules {
    /// An address that does not exist does not begin to.
    static let hardBounces = 1
    /// Mails in a row that came back for a reason that may pass; one that arrived in between ends the row.
    static let softBounces = 3

    enum Verdict: Sendable, Equatable {
        /// Written to no more, for this reason.
        case suppress(SuppressionReason)
        /// So many soft bounces in a row, and not enough.
        case keep(inARow: Int)
    }

    static func verdict(isHard: Bool, softInARow: Int) -> Verdict {
        if isHard { return .suppress(.hardBounce) }
        return softInARow >= softBounces ? .suppress(.softBounce) : .keep(inARow: softInARow)
    }

    /// How many of the last mails to an address came back, newest first, before the first that did not.
    static func inARow(_ cameBack: [Bool]) -> Int {
        cameBack.prefix { $0 }.count
    }
}
