import Foundation
import IMAP
import Primitives

/// What a pass over a mailbox means for the next one: decided here, written by ``ReaderStore``.
struct PassResult: Sendable, Equatable {
    /// `active` or `failing`; nil leaves it, with its reason, as it was.
    let state: String?
    let reason: String?
    let failures: Int
    let nextAt: Date
    /// Whether all of it was read.
    let isComplete: Bool

    /// After how many passes in a row that found no server a mailbox counts as failing.
    static let patience = 5

    /// Everything was read.
    static func read(next: Date) -> PassResult {
        PassResult(state: "active", reason: nil, failures: 0, nextAt: next, isComplete: true)
    }

    /// Given back untouched or half read, through no fault of the mailbox; its state stays.
    static func handedBack(_ mailbox: ReadingMailbox, next: Date) -> PassResult {
        PassResult(state: nil, reason: nil, failures: mailbox.failures, nextAt: next, isComplete: false)
    }

    /// The server did not let us in, or not to the end. `spread`, from -1 to 1, keeps the retries of many mailboxes apart.
    static func failed(_ error: IMAPError, before failures: Int, isFailing: Bool, spread: Double, now: Date) -> PassResult {
        let count = failures + 1
        let isFirm = !error.isTransient && firm.contains(error.code)
        let fails = isFailing || isFirm || count >= patience
        let words = error.words.map { "\(error.message): \($0)" } ?? error.message
        return PassResult(
            state: fails ? "failing" : "active", reason: fails ? words : nil, failures: count,
            nextAt: now.addingTimeInterval(pause(after: count, isFirm: isFirm) * (1 + spread / 5)), isComplete: false)
    }

    /// What only the owner can change.
    private static let firm: Set<IMAPError.Code> = [
        .invalidConfiguration, .tlsFailed, .authenticationFailed, .authenticationUnavailable, .authenticationUnprotected,
    ]

    /// Providers lock accounts that sign in wrongly again and again, so a refusal is left alone for longer than a server that is away.
    private static func pause(after failures: Int, isFirm: Bool) -> TimeInterval {
        let doublings = Double(min(failures - 1, 10))
        return isFirm ? min(6 * 3_600, 300 * pow(2, doublings)) : min(3_600, 30 * pow(2, doublings))
    }
}
