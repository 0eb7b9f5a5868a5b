/// When complaints hold a stream: a function of two figures, so that it trips at the exact count.
enum ComplaintBreaker {
    enum Level: String, Sendable, Codable, Comparable {
        /// The tenant lets go when it has seen to it.
        case pause
        /// Staff lets go, or the tenant after a day.
        case stop

        static func < (left: Level, right: Level) -> Bool { left == .pause && right == .stop }
    }

    /// Days that count, today among them.
    static let window = 7
    /// One complaint in so many accepted mails pauses: 0.10 %, Gmail's line for every bulk sender.
    static let pauseIn = 1_000
    /// So many complaints in as many mails stop: 0.30 %, from which Gmail refuses.
    static let stopTimes = 3
    /// Of fewer mails a share proves nothing…
    static let enoughMails = 1_000
    /// …unless so many people complained.
    static let enoughComplaints = 3
    /// How long a stop stands before the tenant may end it.
    static let stopHours = 24

    static func level(complaints: Int, accepted: Int) -> Level? {
        guard complaints > 0, accepted >= enoughMails || complaints >= enoughComplaints else { return nil }
        if complaints * pauseIn >= stopTimes * accepted { return .stop }
        return complaints * pauseIn >= accepted ? .pause : nil
    }

    /// What a tenant reads.
    static func reason(_ level: Level, complaints: Int, accepted: Int) -> String {
        let line = level == .stop ? "0.30 %" : "0.10 %"
        let people = complaints == 1 ? "1 recipient" : "\(complaints) recipients"
        return "\(people) of \(accepted) accepted mails in \(window) days complained, at or above \(line); see whom you write to before you resume"
    }
}
