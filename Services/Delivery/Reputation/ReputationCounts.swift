import Postgres

/// What became of mails of a mailbox or a domain in a day, or in several.
struct ReputationCounts: Sendable, Equatable, Codable {
    /// Taken by the receiving server.
    var accepted = 0
    /// Refused for good while they were handed over (5xx).
    var refused = 0
    /// Taken, and reported as undeliverable for good afterwards.
    var hardBounces = 0
    var softBounces = 0
    var complaints = 0
    var unsubscribes = 0
    /// Answers of people.
    var replies = 0

    /// Mails that a server judged.
    var tried: Int { accepted + refused }
    /// Mails that will never arrive.
    var bounces: Int { refused + hardBounces }

    static func + (left: ReputationCounts, right: ReputationCounts) -> ReputationCounts {
        ReputationCounts(
            accepted: left.accepted + right.accepted, refused: left.refused + right.refused, hardBounces: left.hardBounces + right.hardBounces,
            softBounces: left.softBounces + right.softBounces, complaints: left.complaints + right.complaints,
            unsubscribes: left.unsubscribes + right.unsubscribes, replies: left.replies + right.replies)
    }
}

extension ReputationCounts {
    init(row: Row) throws(PostgresError) {
        self.init(
            accepted: try row.decode("accepted"), refused: try row.decode("refused"), hardBounces: try row.decode("hard_bounces"),
            softBounces: try row.decode("soft_bounces"), complaints: try row.decode("complaints"), unsubscribes: try row.decode("unsubscribes"),
            replies: try row.decode("replies"))
    }
}
