import Contracts

/// Why somebody must not be written to; words of other services are kept as they come.
struct SuppressionReason: OpenEnum {
    let rawValue: String

    static let unsubscribed = Self(rawValue: "unsubscribed")
    static let hardBounce = Self(rawValue: "hard_bounce")
    static let softBounce = Self(rawValue: "soft_bounce")
    static let complaint = Self(rawValue: "complaint")
    static let manual = Self(rawValue: "manual")
    static let imported = Self(rawValue: "import")
    static let legal = Self(rawValue: "legal")
    static let erased = Self(rawValue: "erased")

    /// Those that people may give.
    static let known: [SuppressionReason] = [.unsubscribed, .hardBounce, .softBounce, .complaint, .manual, .imported, .legal, .erased]
    /// The person's own wish, or the law's: only an owner or admin lifts it, with a stated reason, and no weaker reason takes its place.
    static let protected: [SuppressionReason] = [.unsubscribed, .complaint, .legal, .erased]

    var isProtected: Bool { Self.protected.contains(self) }
}
