import Foundation
import TestSupport
import Testing

@testable import Billing

@Suite("When Stripe is asked again, and when it is left alone")
struct StripeRetryTests {
    @Test(
        "what may succeed shortly is tried again, and Stripe's own word on it counts more than ours",
        arguments: [
            (.lost, true), (.refused(status: 500, code: nil, shouldRetry: nil), true), (.refused(status: 503, code: nil, shouldRetry: nil), true),
            (.refused(status: 429, code: "rate_limit", shouldRetry: nil), true),
            (.refused(status: 409, code: "lock_timeout", shouldRetry: nil), true),
            (.refused(status: 409, code: "idempotency_key_in_use", shouldRetry: nil), true),
            (.refused(status: 409, code: nil, shouldRetry: nil), false),
            (.refused(status: 400, code: nil, shouldRetry: nil), false), (.refused(status: 402, code: "card_declined", shouldRetry: nil), false),
            (.refused(status: 404, code: nil, shouldRetry: nil), false), (.refused(status: 500, code: nil, shouldRetry: false), false),
            (.refused(status: 429, code: nil, shouldRetry: false), false), (.refused(status: 400, code: nil, shouldRetry: true), true),
        ] as [(StripeSetback, Bool)])
    func worthwhile(setback: StripeSetback, expected: Bool) {
        #expect(StripeRetry.isWorthwhile(after: setback) == expected)
    }

    @Test("pauses grow, are spread by half, and are never shorter than Stripe asks for", arguments: 0...8)
    func pauses(retry: Int) {
        let whole = StripeRetry.pause(before: retry, retryAfter: nil, chance: 1)
        let half = StripeRetry.pause(before: retry, retryAfter: nil, chance: 0)
        #expect(abs((half * 2 - whole) / .seconds(1)) < 1e-9 && whole <= .milliseconds(3_201))
        #expect(StripeRetry.pause(before: retry + 1, retryAfter: nil, chance: 0) >= half)
        #expect(StripeRetry.pause(before: retry, retryAfter: .seconds(7), chance: 1) == .seconds(7))
        #expect(StripeRetry.pause(before: retry, retryAfter: .milliseconds(1), chance: 0) == half)
    }

    private static let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("five failures in a row open it for fifteen seconds, an answer in between does not let them add up")
    func opens() {
        var breaker = StripeBreaker()
        func admits(_ instant: Date) -> Bool { breaker.admits(at: instant) }
        for _ in 0..<4 { breaker.failed(at: Self.start) }
        breaker.succeeded()
        for _ in 0..<4 { breaker.failed(at: Self.start) }
        #expect(admits(Self.start))
        breaker.failed(at: Self.start)
        #expect(!admits(Self.start) && !admits(Self.start + 14.999))
    }

    @Test("after the pause one call tries: its success closes it, its failure opens it anew, and the others wait")
    func trial() {
        var breaker = StripeBreaker()
        func admits(_ instant: Date) -> Bool { breaker.admits(at: instant) }
        for _ in 0..<5 { breaker.failed(at: Self.start) }
        let later = Self.start + 15
        #expect(breaker.wouldAdmit(at: later) && admits(later))
        #expect(!breaker.wouldAdmit(at: later) && !admits(later + 14))
        breaker.failed(at: later + 1)
        #expect(!admits(later + 15.5) && admits(later + 16))
        breaker.succeeded()
        #expect(admits(later + 16) && admits(later + 16))
        #expect(breaker.state == .closed(failures: 0))
    }

    @Test("a trial that was given up lets the next one try at once, one that never ended after a pause, and a clock set back does not lock")
    func abandoned() {
        var breaker = StripeBreaker()
        func admits(_ instant: Date) -> Bool { breaker.admits(at: instant) }
        for _ in 0..<5 { breaker.failed(at: Self.start) }
        #expect(admits(Self.start + 15))
        breaker.abandoned()
        #expect(admits(Self.start + 15) && !admits(Self.start + 16))
        #expect(admits(Self.start + 30))
        #expect(admits(Self.start - 3_600))
    }

    @Test("late failures of calls from before do not lengthen the pause")
    func late() {
        var breaker = StripeBreaker()
        func admits(_ instant: Date) -> Bool { breaker.admits(at: instant) }
        for _ in 0..<5 { breaker.failed(at: Self.start) }
        breaker.failed(at: Self.start + 14)
        #expect(admits(Self.start + 15))
    }

    @Test("whatever happens, it never closes without an answer and never stays open without a failure", arguments: (1...200) as ClosedRange<UInt64>)
    func simulation(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var breaker = StripeBreaker()
        func admits(_ instant: Date) -> Bool { breaker.admits(at: instant) }
        var now = Self.start
        var failures = 0
        for _ in 0..<300 {
            now += Double.random(in: 0...4, using: &random)
            guard admits(now) else {
                #expect(failures >= StripeBreaker.threshold)
                continue
            }
            if Bool.random(using: &random) {
                breaker.succeeded()
                failures = 0
            } else {
                breaker.failed(at: now)
                failures += 1
            }
        }
        now += StripeBreaker.pause
        #expect(admits(now))
    }
}
