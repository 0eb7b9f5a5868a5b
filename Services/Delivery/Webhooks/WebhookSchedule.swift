import Foundation

/// When a message is tried again, and what an attempt means; pure.
enum WebhookSchedule {
    /// Seconds between a failed try and the next: 1 min, 5 min, 15 min, 1 h, 24 h. The sixth failure is the last.
    static let pauses: [TimeInterval] = [60, 300, 900, 3_600, 86_400]
    /// A pause is up to a tenth longer or shorter, so that a server that comes back is not met by everything at once.
    static let jitter = 0.1
    /// Failed attempts in a row after which an endpoint is paused.
    static let failuresUntilPause = 100
    /// Messages and how they fared are kept, and can be replayed, for so long.
    static let retention: TimeInterval = 30 * 86_400
    /// The old secret still signs for so long after a new one was made.
    static let rotationOverlap: TimeInterval = 86_400

    enum Next: Equatable {
        case delivered
        case retry(Date)
        case failed
    }

    /// `tries` failed before this attempt; `spread` is from -1 to 1.
    static func next(after attempt: WebhookAttempt, tries: Int, at now: Date, spread: Double) -> Next {
        if attempt.isSuccess { return .delivered }
        guard tries < pauses.count, !attempt.isGone else { return .failed }
        return .retry(now.addingTimeInterval(pauses[tries] * (1 + jitter * spread)))
    }
}

/// How one request to an endpoint went.
struct WebhookAttempt: Encodable, Sendable, Equatable {
    /// Of what a server says, so much is kept.
    static let keptAnswer = 1_024

    let at: Date
    let durationMs: Int
    let status: Int?
    /// Why it failed, in words for the tenant's people.
    let error: String?
    let answer: String?

    var isSuccess: Bool { status.map { (200..<300).contains($0) } ?? false }
    /// The receiver wants nothing any more.
    var isGone: Bool { status == 410 }
}
