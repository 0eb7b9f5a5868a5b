import Foundation
import TestSupport
import Testing

@testable import Delivery

@Suite("When certificates are ordered")
struct CertificatePolicyTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)
    private let refused = CertificateFailure(.refused, "no")

    @Test("they are renewed at two thirds of their life", arguments: [(90.0, 60.0), (6, 4), (45, 30)])
    func renewal(days: Double, after: Double) {
        let renewal = CertificatePolicy.renewal(from: start, to: start.addingTimeInterval(days * 86_400))
        #expect(renewal == start.addingTimeInterval(after * 86_400))
    }

    @Test("a refused host is tried at most three times in an hour, then rarer, then daily")
    func refusals() {
        var (at, tries): (TimeInterval, [TimeInterval]) = (0, [])
        for attempt in 1...20 {
            tries.append(at)
            at += CertificatePolicy.pause(after: refused, attempts: attempt, now: start, spread: 0)
        }
        for moment in tries { #expect(tries.count { $0 >= moment && $0 < moment + 3_600 } <= 3) }
        #expect(CertificatePolicy.pause(after: refused, attempts: 20, now: start, spread: 1) == 86_400 * 1.1)
    }

    @Test("an authority that says until when is asked no sooner, and not put off for ever")
    func limited() {
        func pause(_ seconds: TimeInterval?) -> TimeInterval {
            let failure = CertificateFailure(.limited, "slow", retryAfter: seconds.map { start.addingTimeInterval($0) })
            return CertificatePolicy.pause(after: failure, attempts: 1, now: start, spread: 0)
        }
        #expect(pause(30_000) == 30_000 && pause(60) == 3_600 && pause(-5) == 3_600 && pause(nil) == 3_600)
        #expect(pause(400 * 86_400) == 7 * 86_400)
    }

    @Test("each limit is kept below the authority's, and a renewal is not stopped by the domain's")
    func obstacles() {
        func obstacle(_ counts: CertificatePolicy.Counts, isRenewal: Bool = false) -> Bool {
            CertificatePolicy.obstacle(counts, ordersPerHour: 60, isRenewal: isRenewal) != nil
        }
        #expect(!obstacle(.init(orders: 59, failures: 3, issued: 3, organisation: 39)))
        #expect(obstacle(.init(orders: 60)) && obstacle(.init(failures: 4)) && obstacle(.init(issued: 4)) && obstacle(.init(organisation: 40)))
        #expect(!obstacle(.init(organisation: 400), isRenewal: true))
        #expect(CertificatePolicy.obstacle(.init(orders: 60), ordersPerHour: 60, isRenewal: false)?.failure == nil)
    }

    private static let reports: [(String, CertificateFailure.Kind, String)] = [
        (
            """
            2026/11/28 10:10:02 [INFO] [track.other.example] acme: Trying to solve HTTP-01
            2026/11/28 10:10:08 Could not obtain certificates:
            \terror: one or more domains had a problem:
            [track.other.example] acme: error: 400 :: urn:ietf:params:acme:error:connection :: Get "http://track.other.example/.well-known/acme-challenge/M": dial tcp 192.0.2.2:80: connect: connection refused
            """, .refused,
            #"connection: Get "http://track.other.example/.well-known/acme-challenge/M": dial tcp 192.0.2.2:80: connect: connection refused"#
        ),
        (
            """
            2026/11/28 10:07:32 [INFO] retry due to: acme: error: 400 :: POST :: https://a/b :: urn:ietf:params:acme:error:badNonce :: JWS has an invalid anti-replay nonce
            2026/11/28 10:10:14 Could not create client: get directory at 'https://localhost:30999/dir': dial tcp 127.0.0.1:30999: connect: connection refused
            """, .authority,
            "2026/11/28 10:10:14 Could not create client: get directory at 'https://localhost:30999/dir': dial tcp 127.0.0.1:30999: connect: connection refused"
        ),
        (
            "2026/11/28 Could not obtain certificates:\n\tacme: error: 403 :: POST :: https://a/new :: urn:ietf:params:acme:error:caa :: CAA record for track.a.example prevents issuance, url: ",
            .refused, "caa: CAA record for track.a.example prevents issuance, url:"
        ),
        ("acme: error: 500 :: urn:ietf:params:acme:error:serverInternal :: internal", .authority, "serverInternal: internal"),
        ("acme: error: 400 :: urn:ietf:params:acme:error:accountDoesNotExist :: who?", .authority, "accountDoesNotExist: who?"),
        ("", .authority, "nothing was said"),
    ]

    @Test("what lego says is read as what the authority meant", arguments: reports)
    func report(output: String, kind: CertificateFailure.Kind, detail: String) {
        let failure = CertificateFailure.report(output, now: start)
        #expect(failure.kind == kind && failure.detail == detail, "\(failure)")
    }

    @Test("the end of a limit is read in both forms", arguments: ["2027-01-20 10:00:00 UTC", "2027-01-20T10:00:00Z"])
    func retryAfter(date: String) {
        let failure = CertificateFailure.report(
            "acme: error: 429 :: POST :: https://a/new-order :: urn:ietf:params:acme:error:rateLimited :: too many certificates (5) already issued for \"a.example\", retry after \(date): see https://letsencrypt.org/docs/rate-limits/",
            now: start)
        #expect(failure.kind == .limited && failure.retryAfter == (try? Date("2027-01-20T10:00:00Z", strategy: .iso8601)))
    }

    @Test("details lose control characters and have an end")
    func details() {
        let failure = CertificateFailure(.refused, "a\u{1B}[31m\nb" + String(repeating: "x", count: 5_000))
        #expect(failure.detail.hasPrefix("a [31m b") && failure.detail.unicodeScalars.count == 500)
    }

    @Test("tokens that are none are not echoed")
    func tokens() {
        for token in ["abc_DEF-012", String(repeating: "x", count: 128)] { #expect(ChallengeRoutes.isToken(token)) }
        for token in ["", "a.b", "<script>", "a b", "ä", "a%20", String(repeating: "x", count: 129)] { #expect(!ChallengeRoutes.isToken(token)) }
    }

    @Test("only tracking hosts become files")
    func names() {
        for name in ["track.acme.example", "track.x-1.example"] { #expect(CertificateFolder.isName(name)) }
        for name in ["acme.example", "track.a/b", "track..\u{0}", "track.A.example", "../track.a", "track.a\n"] {
            #expect(!CertificateFolder.isName(name))
        }
    }
}
