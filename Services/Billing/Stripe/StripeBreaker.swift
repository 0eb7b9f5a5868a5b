import Foundation
import Primitives
import Synchronization

/// Whether Stripe is asked at all: after failures in a row it is left alone for a while, then tried by one call.
struct StripeBreaker: Sendable, Equatable {
    enum State: Sendable, Equatable {
        case closed(failures: Int)
        case open(since: Date)
        /// One call is under way to see whether it works again.
        case trying(since: Date)
    }

    static let threshold = 5
    static let pause: TimeInterval = 15

    private(set) var state = State.closed(failures: 0)

    /// Whether a call would be let through; changes nothing.
    func wouldAdmit(at now: Date) -> Bool {
        switch state {
        case .closed: true
        // A trial that never ended does not keep the door shut for ever; nor does a clock that was set back.
        case .open(let since), .trying(let since): now < since || now >= since + Self.pause
        }
    }

    /// Lets a call through or not; after the pause the first one is the trial, and the others wait for what comes of it.
    mutating func admits(at now: Date) -> Bool {
        guard wouldAdmit(at: now) else { return false }
        if case .closed = state { return true }
        state = .trying(since: now)
        return true
    }

    /// Stripe answered, if only to refuse.
    mutating func succeeded() {
        state = .closed(failures: 0)
    }

    /// Stripe did not answer, or with a failure of its own.
    mutating func failed(at now: Date) {
        switch state {
        case .closed(let failures): state = failures + 1 >= Self.threshold ? .open(since: now) : .closed(failures: failures + 1)
        case .trying: state = .open(since: now)
        // Calls from before it opened, ending one by one.
        case .open: break
        }
    }

    /// The call was given up on our side and says nothing about Stripe: the next one may try.
    mutating func abandoned() {
        if case .trying = state { state = .open(since: .distantPast) }
    }
}

/// The one breaker that every copy of a client shares.
final class StripeBreakerSwitch: Sendable {
    private let breaker = Mutex(StripeBreaker())
    private let clock: WallClock

    init(clock: WallClock) {
        self.clock = clock
    }

    var wouldAdmit: Bool {
        let now = clock.now
        return breaker.withLock { $0.wouldAdmit(at: now) }
    }

    func admits() -> Bool {
        let now = clock.now
        return breaker.withLock { $0.admits(at: now) }
    }

    func succeeded() {
        breaker.withLock { $0.succeeded() }
    }

    func failed() {
        let now = clock.now
        breaker.withLock { $0.failed(at: now) }
    }

    func abandoned() {
        breaker.withLock { $0.abandoned() }
    }
}
