#if DEBUG
import Foundation
import Synchronization
#endif

/// Places at which a test ends this process, to see what is left: every step between two commits, and between a commit and what follows it.
///
/// In debug builds `DELIVERY_FAULT=after_mark:3` kills the process as it passes `after_mark` for the third time; release builds have nothing.
enum FaultPoint: String, CaseIterable, Sendable {
    /// Claimed, not handed over.
    case afterClaim = "after_claim"
    /// Handed over to Redis.
    case afterHandOver = "after_hand_over"
    /// In a worker's hands.
    case afterTake = "after_take"
    /// The server asks for the body; nothing is recorded.
    case beforeMark = "before_mark"
    /// Recorded as on its way; no byte of the body has left.
    case afterMark = "after_mark"
    /// The server's word has come; it is not recorded.
    case afterReply = "after_reply"
    /// In the transaction that records it.
    case insideOutcome = "inside_outcome"
    /// Recorded, still in Redis.
    case afterOutcome = "after_outcome"
    /// In the transaction that takes claims back.
    case insideSweep = "inside_sweep"

    #if DEBUG
    private final class Armed: Sendable {
        let point: FaultPoint
        let left: Mutex<Int>

        init?(_ text: String?) {
            let parts = (text ?? "").split(separator: ":")
            guard parts.count == 2, let point = FaultPoint(rawValue: String(parts[0])), let count = Int(parts[1]) else { return nil }
            self.point = point
            left = Mutex(count)
        }
    }

    private static let armed = Armed(ProcessInfo.processInfo.environment["DELIVERY_FAULT"])

    static func pass(_ point: FaultPoint) {
        guard let armed, armed.point == point else { return }
        let isDue = armed.left.withLock { left in
            left -= 1
            return left == 0
        }
        if isDue { kill(getpid(), SIGKILL) }
    }
    #else
    @inline(__always)
    static func pass(_ point: FaultPoint) {}
    #endif
}
