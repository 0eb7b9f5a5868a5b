/// How a queue fares at a glance.
enum QueueHealth: String, Sendable, Encodable {
    case healthy
    case warning
    case critical

    /// From which numbers on a queue is worth a look; each queue has its own.
    struct Thresholds: Sendable, Equatable {
        var warningWaiting = 100
        var criticalWaiting = 1_000
        var criticalFailed = 10
    }

    /// `overdue`: jobs that could run now and do not; what waits for its time, its gate or its mailbox's pace is no alarm.
    init(overdue: Int, failed: Int, thresholds: Thresholds) {
        if overdue > thresholds.criticalWaiting || failed > thresholds.criticalFailed {
            self = .critical
        } else {
            self = overdue >= thresholds.warningWaiting ? .warning : .healthy
        }
    }
}
