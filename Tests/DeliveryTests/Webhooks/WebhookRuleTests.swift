import Contracts
import Foundation
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("When webhooks are tried again, and how many at once")
struct WebhookRuleTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func attempt(_ status: Int?) -> WebhookAttempt {
        WebhookAttempt(at: Self.now, durationMs: 1, status: status, error: nil, answer: nil)
    }

    @Test(
        "after a failure it is 1 minute, 5 minutes, 15 minutes, 1 hour, 24 hours, and then it is over",
        arguments: [(0, 60.0), (1, 300), (2, 900), (3, 3_600), (4, 86_400)])
    func table(tries: Int, pause: TimeInterval) {
        for status in [500, 503, 404, 302, nil] {
            #expect(WebhookSchedule.next(after: attempt(status), tries: tries, at: Self.now, spread: 0) == .retry(Self.now + pause))
            #expect(WebhookSchedule.next(after: attempt(status), tries: 5, at: Self.now, spread: 0) == .failed)
        }
        #expect(WebhookSchedule.next(after: attempt(500), tries: tries, at: Self.now, spread: 1) == .retry(Self.now + pause * 1.1))
        #expect(WebhookSchedule.next(after: attempt(500), tries: tries, at: Self.now, spread: -1) == .retry(Self.now + pause * 0.9))
        for status in [200, 201, 204, 299] {
            #expect(WebhookSchedule.next(after: attempt(status), tries: tries, at: Self.now, spread: 0) == .delivered)
        }
        #expect(WebhookSchedule.next(after: attempt(410), tries: tries, at: Self.now, spread: 0) == .failed)
    }

    @Test("nobody has more than four, one that failed has one, a company has sixteen, and who waits longest is first")
    func shares() {
        let (one, two) = (TenantID(UUID()), TenantID(UUID()))
        func candidate(_ tenant: TenantID, isFailing: Bool = false, running: Int = 0) -> WebhookShare.Candidate {
            .init(tenant: tenant, endpoint: WebhookID(UUID()), isFailing: isFailing, running: running)
        }
        func rooms(_ candidates: [WebhookShare.Candidate], running: [TenantID: Int] = [:], room: Int = 1_000) -> [Int] {
            WebhookShare.parts(of: candidates, running: running, room: room).map(\.room)
        }
        #expect(rooms([candidate(one), candidate(one, running: 3), candidate(one, running: 4), candidate(one, running: 9)]) == [4, 1, 0, 0])
        #expect(rooms([candidate(one, isFailing: true), candidate(one, isFailing: true, running: 1)]) == [1, 0])
        #expect(rooms((0..<6).map { _ in candidate(one) } + [candidate(two)]) == [4, 4, 4, 4, 0, 0, 4])
        #expect(rooms([candidate(one), candidate(two)], running: [one: 15]) == [1, 4])
        #expect(rooms([candidate(one), candidate(two)], room: 5) == [4, 1])
        let parts = WebhookShare.parts(of: [candidate(one), candidate(one, running: 4), candidate(two)], running: [:], room: 4)
        #expect(parts.map(\.isLimitedByItself) == [true, true, false])
        #expect(parts.map(\.isLimitedByOthers) == [false, false, true])
    }

    @Test("the signature is the one of the Standard Webhooks' own example")
    func vector() throws {
        let signature = try WebhookSignature.signature(
            of: "msg_p5jXN8AQM9LWM0D4loKWxJek", body: Data(#"{"test": 2432232314}"#.utf8), secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            seconds: 1_614_265_330)
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        #expect(throws: WebhookSignature.MalformedSecret.self) {
            try WebhookSignature.signature(of: "m", body: Data(), secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", seconds: 1)
        }
        #expect(WebhookSignature.makeSecret().wholeMatch(of: /whsec_[A-Za-z0-9+\/]{43}=/) != nil)
        #expect(WebhookSignature.makeSecret() != WebhookSignature.makeSecret())
    }

    @Test("of an answer a kilobyte is kept, as text that can be stored")
    func answers() {
        #expect(WebhookSender.kept(Data()) == nil)
        #expect(WebhookSender.kept(Data("a\u{0}b".utf8)) == "ab")
        #expect(WebhookSender.kept(Data(repeating: 0xFF, count: 5_000))?.count == 1_024)
        #expect(WebhookSender.kept(Data(String(repeating: "x", count: 2_000).utf8))?.count == 1_024)
    }
}
