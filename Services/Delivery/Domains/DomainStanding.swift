import Foundation

/// What is known of a domain over time; a function of its past and of the newest check.
struct DomainStanding: Sendable, Equatable {
    enum State: String, Sendable, Codable {
        /// Never verified yet.
        case pending
        case verified
        /// Was verified, and the last check failed: it counts until the next one fails too.
        case failing
        case broken
    }

    var state = State.pending
    /// Checks since the state last changed, since the domain was last seen well, or since somebody asked for one.
    var attempts = 0

    var isAuthenticated: Bool { state == .verified || state == .failing }

    /// Two failures prove something only with a while between them.
    private static let doubt: TimeInterval = 300

    /// - Parameters:
    ///   - isGood: The domain is the company's, and authenticated; nil when DNS did not say.
    ///   - sinceLast: Seconds since the last check; nil when there was none.
    func next(isGood: Bool?, sinceLast: TimeInterval?) -> DomainStanding {
        switch (state, isGood) {
        // Name servers that stay silent for a day or two are broken too.
        case (.verified, nil) where attempts >= 48: DomainStanding(state: .failing)
        case (.failing, nil) where attempts >= 12: DomainStanding(state: .broken)
        case (_, nil): DomainStanding(state: state, attempts: attempts + 1)
        case (_, true?): DomainStanding(state: .verified)
        case (.verified, false?): DomainStanding(state: .failing)
        case (.failing, false?):
            sinceLast ?? 0 < Self.doubt ? DomainStanding(state: .failing, attempts: attempts + 1) : DomainStanding(state: .broken)
        case (_, false?): DomainStanding(state: state, attempts: attempts + 1)
        }
    }

    /// Until the next check. Whoever has just published is waiting for it: first after a minute, then rarer, after a week once a day. What is well
    /// is looked at daily; what looks broken, soon. `spread`, from 0 to 1, keeps many from one moment.
    func pause(isUndecided: Bool, spread: Double) -> TimeInterval {
        switch state {
        case .verified where isUndecided: 1_800 * (1 + spread)
        case .verified: 86_400 + 3_600 * spread
        case .failing: 600 * (1 + spread)
        case .pending, .broken:
            // 60 s, doubled up to an hour, for a week.
            attempts > 170 ? 86_400 + 3_600 * spread : min(3_600, 60 * pow(2, Double(min(max(attempts - 1, 0), 6)))) * (1 + 0.1 * spread)
        }
    }
}
