/// The three streams through which mail reaches the workers; lower priority numbers go first.
enum EmailQueue: String, CaseIterable, Sendable {
    case high = "queue:email-sending:high"
    case normal = "queue:email-sending"
    case low = "queue:email-sending:low"

    /// ≤ 50 is high, 51–150 normal, above that low.
    init(priority: Int) {
        self =
            switch priority {
            case ...50: .high
            case 51...150: .normal
            default: .low
            }
    }
}
