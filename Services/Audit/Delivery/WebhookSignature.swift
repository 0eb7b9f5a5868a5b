import Crypto
import Foundation
import Primitives

/// Proves to a webhook that a post is from us and new: `t=<seconds since 1970>,v1=<hexadecimal HMAC-SHA256 of "t.body">`.
///
/// The key is the secret's text as it was shown, in UTF-8.
enum WebhookSignature {
    static let header = "Penguin-Signature"

    static func makeSecret() -> String { "whsec_\(randomBytes(32).base64URL)" }

    static func value(of body: Data, secret: String, at instant: Date) -> String {
        let seconds = Int64(instant.timeIntervalSince1970)
        let code = HMAC<SHA256>.authenticationCode(for: Data("\(seconds).".utf8) + body, using: SymmetricKey(data: Data(secret.utf8)))
        return "t=\(seconds),v1=\(Data(code).hexadecimal)"
    }
}
