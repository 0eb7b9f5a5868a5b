import Crypto
import Foundation

/// Whether a webhook's body comes from Stripe: an HMAC over the body as it was sent and the time of sending.
enum StripeSignature {
    /// Why a body is not believed.
    enum Fault: String, Error, Sendable, CaseIterable {
        /// There is no secret to check against: nothing is ever believed then.
        case noSecret = "no_secret"
        case missing
        case malformed
        /// Signed with none of our secrets, or changed since.
        case mismatch
        case tooOld = "too_old"
        case fromTheFuture = "from_the_future"
    }

    static let tolerance: TimeInterval = 300
    static let maximumHeaderBytes = 2_048
    static let maximumSignatures = 16

    /// Returns when it was signed; throws unless one of the `v1` signatures is by one of the secrets and from within five minutes of `now`,
    /// in either direction.
    ///
    /// `v0` and whatever else may come is passed over. Several secrets hold while one is rolled.
    @discardableResult
    static func verify(header: String?, rawBody: some DataProtocol, secrets: [String], now: Date) throws(Fault) -> Date {
        guard !secrets.isEmpty, secrets.allSatisfy({ !$0.isEmpty }) else { throw .noSecret }
        guard let header, !header.isEmpty else { throw .missing }
        let parsed = try parse(header)
        var isAuthentic = false
        for secret in secrets {
            var code = HMAC<SHA256>(key: SymmetricKey(data: Data(secret.utf8)))
            code.update(data: Data("\(parsed.timestamp).".utf8))
            code.update(data: rawBody)
            let expected = Data(code.finalize())
            // All are compared, each in constant time.
            for signature in parsed.signatures where isEqual(expected, signature) { isAuthentic = true }
        }
        guard isAuthentic else { throw .mismatch }
        let age = now.timeIntervalSince(parsed.signedAt)
        guard age <= tolerance else { throw .tooOld }
        guard age >= -tolerance else { throw .fromTheFuture }
        return parsed.signedAt
    }

    private struct Parsed {
        /// As it was signed.
        let timestamp: Substring
        let signedAt: Date
        let signatures: [Data]
    }

    /// `t=1700000000,v1=<64 hexadecimal digits>,…`
    private static func parse(_ header: String) throws(Fault) -> Parsed {
        guard header.utf8.count <= maximumHeaderBytes else { throw .malformed }
        var found: Substring?
        var signatures: [Data] = []
        for part in header.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { throw .malformed }
            switch sides[0].trimmingCharacters(in: .whitespaces) {
            case "t":
                guard found == nil else { throw .malformed }
                found = sides[1]
            case "v1":
                guard signatures.count < maximumSignatures, let signature = bytes(sides[1]) else { throw .malformed }
                signatures.append(signature)
            default: break
            }
        }
        guard let timestamp = found, (1...12).contains(timestamp.utf8.count), timestamp.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let seconds = Int64(timestamp), !signatures.isEmpty
        else { throw .malformed }
        return Parsed(timestamp: timestamp, signedAt: Date(timeIntervalSince1970: TimeInterval(seconds)), signatures: signatures)
    }

    /// 32 bytes from 64 hexadecimal digits.
    private static func bytes(_ text: Substring) -> Data? {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var data = Data(capacity: 32)
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            data.append(high << 4 | low)
        }
        return data
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// Takes as long wherever they differ.
    private static func isEqual(_ left: Data, _ right: Data) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
