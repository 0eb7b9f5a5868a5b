import Foundation

/// When a checkpoint is due, and when the next try is.
enum CheckpointSchedule {
    /// Between two looks.
    static let interval: TimeInterval = 86_400
    /// A tree that does not grow is handed out so often all the same: silence would look like a broken delivery.
    static let longestSilence: TimeInterval = 7 * 86_400
    /// After so long a time of failures the company's trail says so.
    static let patience: TimeInterval = 7 * 86_400

    private static let shortestPause: TimeInterval = 60
    private static let longestPause: TimeInterval = 6 * 3_600

    /// Whether a tree of this size is to be handed out.
    static func isDue(size: Int64, deliveredSize: Int64?, deliveredAt: Date?, at now: Date) -> Bool {
        guard let deliveredSize, let deliveredAt, deliveredSize >= size else { return true }
        return now.timeIntervalSince(deliveredAt) >= longestSilence
    }

    /// A minute, then twice as long each time.
    static func pause(afterFailures failures: Int) -> TimeInterval {
        min(longestPause, shortestPause * Double(1 << min(max(failures, 1) - 1, 10)))
    }

    static func isToBeTold(failingSince: Date, at now: Date) -> Bool {
        now.timeIntervalSince(failingSince) >= patience
    }
}
