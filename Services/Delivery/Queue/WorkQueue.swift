/// The queues by their names in Postgres and Redis; the three for mail share the mailboxes and their pace.
enum WorkQueue: String, CaseIterable, Sendable, Codable {
    case mailHigh = "queue:email-sending:high"
    case mail = "queue:email-sending"
    case mailLow = "queue:email-sending:low"
    case warmup = "queue:warmup:process"
    case bounce = "queue:bounce:process"
    case aggregate = "queue:analytics:daily-aggregate"
    case webhook = "queue:webhook:process"
    case maintenance = "queue:maintenance"

    /// The first goes first.
    static let forMail: [WorkQueue] = [.mailHigh, .mail, .mailLow]
    static let others = allCases.filter { !$0.isForMail }

    var isForMail: Bool { Self.forMail.contains(self) }

    /// Lower numbers go first: ≤ 50 is high, 51–150 normal, above that low.
    init(mailPriority priority: Int) {
        self =
            switch priority {
            case ...50: .mailHigh
            case 51...150: .mail
            default: .mailLow
            }
    }
}
