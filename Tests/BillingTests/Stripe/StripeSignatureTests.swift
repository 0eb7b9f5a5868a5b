import Foundation
import Testing

@testable import Billing

private let zeros = String(repeating: "0", count: 64)

@Suite("Signatures of webhooks")
struct StripeSignatureTests {
    private static let secret = "whsec_test"
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)
    private static let body = Data(#"{"id":"evt_1","object":"event"}"#.utf8)

    private func header(secrets: [String] = [StripeSignatureTests.secret], age: Int64 = 0) -> String {
        StripeDouble.header(Self.body, timestamp: 1_800_000_000 - age, secrets: secrets)
    }

    private func fault(
        _ header: String?, body: Data = StripeSignatureTests.body, secrets: [String] = [StripeSignatureTests.secret]
    ) -> StripeSignature.Fault? {
        do throws(StripeSignature.Fault) {
            try StripeSignature.verify(header: header, rawBody: body, secrets: secrets, now: Self.now)
            return nil
        } catch {
            return error
        }
    }

    @Test("a known signature is right: the same as Stripe's own libraries make")
    func knownAnswer() throws {
        // HMAC-SHA256 of `1492774577.{}` with the secret, by another implementation (Python 3).
        let header = "t=1492774577,v1=\(Self.knownSignature)"
        let signedAt = try StripeSignature.verify(
            header: header, rawBody: Data("{}".utf8), secrets: [Self.secret], now: Date(timeIntervalSince1970: 1_492_774_577))
        #expect(signedAt == Date(timeIntervalSince1970: 1_492_774_577))
    }

    private static let knownSignature = "0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b"

    @Test(
        "five minutes are tolerated in either direction, and no second more",
        arguments: [(300, nil), (-300, nil), (301, .tooOld), (-301, .fromTheFuture)] as [(Int64, StripeSignature.Fault?)])
    func tolerance(age: Int64, expected: StripeSignature.Fault?) {
        #expect(fault(header(age: age)) == expected)
    }

    @Test("while a secret is rolled, either is good on either side")
    func rolled() {
        #expect(fault(header(secrets: ["whsec_old", "whsec_new"]), secrets: ["whsec_new"]) == nil)
        #expect(fault(header(secrets: ["whsec_new"]), secrets: ["whsec_old", "whsec_new"]) == nil)
        #expect(fault(header(secrets: ["whsec_old"]), secrets: ["whsec_new"]) == .mismatch)
    }

    @Test("a forged signature, another body, another time and the old scheme are not believed")
    func forged() {
        let good = header()
        #expect(fault(good) == nil)
        #expect(fault(good, body: Self.body + Data(" ".utf8)) == .mismatch)
        #expect(fault(good.replacingOccurrences(of: "t=1800000000", with: "t=1800000001")) == .mismatch)
        #expect(fault(good.replacingOccurrences(of: "t=1800000000", with: "t=01800000000")) == .mismatch)
        #expect(fault("t=1800000000,v1=\(String(repeating: "0", count: 64))") == .mismatch)
        #expect(fault(good.replacingOccurrences(of: "v1=", with: "v0=")) == .malformed)
        #expect(fault(header(secrets: [""])) == .mismatch)
    }

    @Test("without a secret nothing is believed, least of all what was signed with an empty one")
    func noSecret() {
        #expect(fault(header(secrets: [""]), secrets: []) == .noSecret)
        #expect(fault(header(secrets: [""]), secrets: [""]) == .noSecret)
        #expect(fault(header(), secrets: [Self.secret, ""]) == .noSecret)
        #expect(fault(nil) == .missing)
        #expect(fault("") == .missing)
    }

    @Test("up to sixteen signatures are looked at, and a header of two kilobytes")
    func bounds() {
        let good = header().split(separator: ",").first { $0.hasPrefix("v1=") } ?? ""
        let many = (0..<15).map { _ in "v1=\(zeros)" }
        #expect(fault((["t=1800000000"] + many + [String(good)]).joined(separator: ",")) == nil)
        #expect(fault((["t=1800000000"] + many + ["v1=\(zeros)", String(good)]).joined(separator: ",")) == .malformed)
        #expect(fault(header() + ",x=" + String(repeating: "a", count: 2_048)) == .malformed)
    }

    @Test(
        "garbage is refused as such",
        arguments: [
            "t", "=", ",", "t=", "t=1800000000", "v1=ab", "t=1800000000,v1=", "t=1800000000,v1=xyz", "t=-1800000000,v1=\(zeros)",
            "t=+1800000000,v1=\(zeros)", "t=1800000000.5,v1=\(zeros)", "t=99999999999999999999,v1=\(zeros)",
            "t=1800000000,t=1800000000,v1=\(zeros)", "t=1800000000,v1=\(zeros),", "t=1800000000 ,v1=\(zeros)",
            "t=1800000000,v1=\(zeros)0", "t=1800000000;v1=\(zeros)",
            "t=١٨٠٠٠٠٠٠٠٠,v1=\(zeros)",
            "\u{0}", "t=1800000000,v1=\(zeros.uppercased())ZZ",
        ])
    func garbage(header: String) {
        #expect(fault(header) == .malformed)
    }
}
