import Contracts
import Foundation

/// What a result means for the ledger and the job: decided here, written by ``OutcomeStore``.
struct Resolution: Sendable, Equatable {
    enum Job: Sendable, Equatable {
        case finished(state: String)
        /// Back in the queue; `counted`: whether the attempt was one.
        case again(at: Date, counted: Bool)
    }

    /// The send's new state in the ledger.
    let state: String
    let job: Job
    let code: Int?
    let text: String?
    /// Whether others hear of it.
    let isTold: Bool
    /// Whether the reservation's mail is used up.
    let isUsed: Bool
    /// Whether what the mail says can be erased.
    let erasesContent: Bool
    let deferrals: Int
    let firstDeferredAt: Date?
    let unreachable: Int
    /// Whether nothing went out, so that nothing counts against the mailbox.
    var sentNothing: Bool { state == "planned" }
    /// Whether the mailbox's server was spoken to, or was meant to be.
    let wasTried: Bool

    /// `spread`, from -1 to 1, keeps retries of many mails apart.
    init(_ result: DeliveryResult, of delivery: Delivery, now: Date, spread: Double) {
        var deferrals = delivery.deferrals
        var firstDeferredAt = delivery.firstDeferredAt
        var unreachable = delivery.unreachable
        wasTried = ![.postponed, .handedBack].contains(result.kind)
        // No try is planned for an hour at which the mail must not go out.
        func again(at instant: Date, counted: Bool) -> Job {
            .again(at: delivery.hours?.time(for: instant) ?? instant, counted: counted)
        }
        switch result {
        case .accepted(let code, let text):
            (state, job, self.code, self.text) = ("accepted", .finished(state: "completed"), code, text)
            (isTold, isUsed, erasesContent) = (true, true, true)
        case .refused(let code, let text):
            (state, job, self.code, self.text) = ("refused", .finished(state: "failed"), code, text)
            (isTold, isUsed, erasesContent) = (true, true, true)
        case .deferred(let code, let text):
            deferrals += 1
            let first = firstDeferredAt ?? now
            firstDeferredAt = first
            (self.code, self.text) = (code, text)
            if let next = RetrySchedule.afterDeferral(deferrals, firstAt: first, now: now) {
                (state, job) = ("deferred", again(at: next, counted: true))
                (isTold, isUsed, erasesContent) = (true, false, false)
            } else {
                (state, job) = ("refused", .finished(state: "failed"))
                (isTold, isUsed, erasesContent) = (true, true, true)
            }
        case .ambiguous(let text):
            // Held: never tried again by itself, and what it says is kept for whoever decides.
            (state, job, code, self.text) = ("ambiguous", .finished(state: "failed"), nil, text)
            (isTold, isUsed, erasesContent) = (true, true, false)
        case .unreachable(let text):
            unreachable += 1
            let next = RetrySchedule.afterUnreachable(unreachable, spread: spread, now: now)
            (state, job, code, self.text) = ("planned", again(at: next, counted: true), nil, text)
            (isTold, isUsed, erasesContent) = (false, false, false)
        case .mailboxRefused(let text):
            (state, job, code, self.text) = ("planned", again(at: now, counted: false), nil, text)
            (isTold, isUsed, erasesContent) = (false, false, false)
        case .postponed(let text):
            let next = RetrySchedule.afterUnreachable(delivery.attempt, spread: spread, now: now)
            (state, job, code, self.text) = ("planned", again(at: next, counted: true), nil, text)
            (isTold, isUsed, erasesContent) = (false, false, false)
        case .handedBack:
            (state, job, code, text) = ("planned", again(at: now, counted: false), nil, nil)
            (isTold, isUsed, erasesContent) = (false, false, false)
        }
        self.deferrals = deferrals
        self.firstDeferredAt = firstDeferredAt
        self.unreachable = unreachable
    }
}
