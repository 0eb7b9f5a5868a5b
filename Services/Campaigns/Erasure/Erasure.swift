import Contracts
import Foundation

/// A lead on its way out of every service.
struct Erasure: Codable, Sendable, Equatable {
    /// What is done, in this order; each is safe to do again, and is repeated until it is acknowledged.
    enum Step: String, Codable, Sendable, CaseIterable {
        /// Cancels, forgets, and keeps of an opt-out what is needed to honour it: so before anything here is removed.
        case delivery
        case audit
        case campaigns
    }

    enum State: String, Codable, Sendable {
        case running
        case finished
    }

    /// When each step was acknowledged.
    struct Steps: Codable, Sendable, Equatable {
        /// The lead left every campaign with the request itself.
        var stoppedAt: Date
        var deliveryAt: Date?
        var auditAt: Date?
        var campaignsAt: Date?

        /// What is to be done now; nil when all is done.
        var next: Step? {
            if deliveryAt == nil { return .delivery }
            if auditAt == nil { return .audit }
            return campaignsAt == nil ? .campaigns : nil
        }
    }

    /// How long after the stop a mail that was being handed over may still come to Delivery: longer than a batch is on its way.
    static let settling: TimeInterval = 60

    let id: ErasureID
    let lead: LeadID
    let state: State
    /// Both until it is finished; afterwards only the ticket, which is a number and no text.
    let reason: String?
    let ticket: String?
    let requestedBy: UserID
    let requestedAt: Date
    let steps: Steps
    /// Segments whose filters named the address when it was asked for, at most a hundred. They are not changed: what they ask is for people to say.
    let segments: [SegmentID]
    let finishedAt: Date?
    /// How often in a row the step at hand has failed, and why.
    let attempts: Int
    let failure: String?

    /// When to ask again after a step said that it is done; nil: that was it.
    static func askAgain(_ step: Step, at now: Date, stoppedAt: Date) -> Date? {
        guard step == .delivery else { return nil }
        let settled = stoppedAt.addingTimeInterval(settling)
        return now < settled ? settled : nil
    }

    /// How long to wait after so many failures in a row, in seconds: 2, 4, 8 … up to five minutes.
    static func pause(afterFailures failures: Int) -> TimeInterval {
        min(300, pow(2, Double(max(1, min(failures, 16)))))
    }
}
