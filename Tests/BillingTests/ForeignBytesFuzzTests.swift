import Crypto
import Foundation
import TestSupport
import Testing

@testable import Billing

/// What comes to the webhook, broken: only what was signed is believed, and of that whatever has the form of an event is read.
@Suite("Foreign bytes: webhooks of Stripe")
struct ForeignBytesFuzzTests {
    private static let secret = "whsec_fuzz"
    private static let now = Date(timeIntervalSince1970: 1_700_000_000)

    private static func header(_ body: [UInt8], time: Int = 1_700_000_000) -> String {
        var code = HMAC<SHA256>(key: SymmetricKey(data: Data(secret.utf8)))
        code.update(data: Data("\(time).".utf8))
        code.update(data: body)
        return "t=\(time),v1=\(code.finalize().map { String(format: "%02x", $0) }.joined())"
    }

    @Test("a header that was changed is refused for a reason, unless it says the same still")
    func signatures() throws {
        let body = Array(#"{"id":"evt_1"}"#.utf8)
        let good = Self.header(body)
        let digest = String(good.suffix(64))
        for input in try FuzzRun("stripe-signature", tokens: ["t=", "v1=", ",", "=", "1700000000", "v0=", "-1", "99999999999999999999"]) {
            var mutator = input.mutator
            for bytes in [input.bytes, mutator.next(from: [Array(good.utf8)])] {
                let header = String(decoding: bytes, as: UTF8.self)
                let before = threadSeconds()
                if let signed = try? StripeSignature.verify(header: header, rawBody: body, secrets: [Self.secret], now: Self.now) {
                    try #require(signed == Self.now && header.lowercased().contains(digest), "\(input.name): \(header)")
                }
                try #require(isInTime(threadSeconds() - before, bytes: bytes.count), "\(input.name)")
            }
        }
    }

    @Test("a body that was changed is refused")
    func bodies() throws {
        let tokens = ["{", "}", "[", "\"object\":", "null", "1e400", "\\ud800", "\"customer\":{\"id\":\"cus_2\"}", "[[[["]
        for input in try FuzzRun("stripe-event", tokens: tokens) {
            var mutator = input.mutator
            let changed = mutator.next(from: [input.bytes])
            let header = Self.header(input.bytes)
            #expect(throws: Never.self, "\(input.name)") {
                try StripeSignature.verify(header: header, rawBody: input.bytes, secrets: [Self.secret], now: Self.now)
            }
            if changed != input.bytes {
                #expect(throws: StripeSignature.Fault.mismatch, "\(input.name)") {
                    try StripeSignature.verify(header: header, rawBody: changed, secrets: [Self.secret], now: Self.now)
                }
            }
            let before = threadSeconds()
            if let event = try? StripeJSON.decoder.decode(StripeEvent.self, from: Data(input.bytes)) {
                try #require(event.id.utf8.count + event.type.utf8.count <= 3 * input.bytes.count, "\(input.name)")
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }
}
