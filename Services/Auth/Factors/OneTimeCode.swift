import Crypto
import Foundation

/// Codes that change with time (TOTP, RFC 6238): SHA-1, six digits, steps of 30 seconds, as every authenticator app has them.
enum OneTimeCode {
    static let stepSeconds: Int64 = 30
    /// Clocks differ: a step before and a step after now count too.
    static let tolerance: Int64 = 1

    static func step(at instant: Date) -> Int64 {
        Int64((instant.timeIntervalSince1970 / Double(stepSeconds)).rounded(.down))
    }

    /// The six digits of a step.
    static func code(_ secret: Data, step: Int64) -> String {
        let message = withUnsafeBytes(of: step.bigEndian) { Data($0) }
        let digest = Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: SymmetricKey(data: secret)))
        // Dynamic truncation, RFC 4226, section 5.3.
        let offset = Int(digest[19] & 0x0F)
        let number = digest[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        return String(String(number % 1_000_000 + 1_000_000).dropFirst())
    }

    /// The step that `entered` is the code of, if it is one of now and later than `last`; always looks at every candidate.
    static func match(_ entered: String, _ secret: Data, at instant: Date, after last: Int64) -> Int64? {
        let now = step(at: instant)
        var found: Int64?
        for candidate in (now - tolerance)...(now + tolerance) {
            let isEqual = Data(entered.utf8).constantTimeEquals(Data(code(secret, step: candidate).utf8))
            if isEqual, candidate > last { found = candidate }
        }
        return found
    }

    /// What an authenticator app reads from a QR code.
    static func address(secret: Data, account: String, issuer: String) -> String {
        var unreserved = CharacterSet.alphanumerics
        unreserved.insert(charactersIn: "-._~")
        func encoded(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "" }
        return "otpauth://totp/\(encoded(issuer)):\(encoded(account))?secret=\(Base32.encode(secret))&issuer=\(encoded(issuer))&digits=6&period=30"
    }
}

/// Base32 without padding (RFC 4648, section 6): letters and digits that nobody confuses.
enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    static func encode(_ data: Data) -> String {
        var text: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for byte in data {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[Int(buffer >> UInt32(bits)) & 31])
            }
        }
        if bits > 0 { text.append(alphabet[Int(buffer << UInt32(5 - bits)) & 31]) }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Codes for the day on which the phone is gone: 120 random bits each, so that a plain digest keeps them (ASVS 5.0, 6.5.2).
enum RecoveryCode {
    static let count = 10

    /// Groups of four, to be copied by hand.
    static func random(_ bytes: Data) -> String {
        let text = Base32.encode(bytes)
        return stride(from: 0, to: text.count, by: 4).map { start in
            let begin = text.index(text.startIndex, offsetBy: start)
            return String(text[begin..<text.index(begin, offsetBy: min(4, text.distance(from: begin, to: text.endIndex)))])
        }.joined(separator: "-")
    }

    /// The same for every way of writing it.
    static func digest(_ entered: String) -> Data {
        let plain = entered.uppercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return Data(SHA256.hash(data: Data(plain.utf8)))
    }
}
