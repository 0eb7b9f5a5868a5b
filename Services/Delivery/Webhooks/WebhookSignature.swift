import Contracts
import Crypto
import Foundation
import Primitives

/// Proves to a receiver that a message is from us, whole and new, as standardwebhooks.com describes: HMAC-SHA256 of `id.timestamp.body` under each
/// secret that counts, in base64.
enum WebhookSignature {
    static let prefix = "whsec_"

    /// 32 random bytes, as their receiver keeps them.
    static func makeSecret() -> String {
        prefix + randomBytes(32).base64EncodedString()
    }

    /// The headers of one attempt; a receiver is content with any one of the signatures.
    static func headers(
        of message: WebhookMessageID, body: Data, secrets: [String], at instant: Date
    ) throws(MalformedSecret) -> [(name: String, value: String)] {
        let seconds = Int64(instant.timeIntervalSince1970)
        var signatures: [String] = []
        for secret in secrets { signatures.append(try signature(of: message.description, body: body, secret: secret, seconds: seconds)) }
        return [
            ("content-type", "application/json"), ("webhook-id", message.description), ("webhook-timestamp", "\(seconds)"),
            ("webhook-signature", signatures.joined(separator: " ")),
        ]
    }

    static func signature(of message: String, body: Data, secret: String, seconds: Int64) throws(MalformedSecret) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Data("\(message).\(seconds).".utf8) + body, using: try key(of: secret))
        return "v1,\(Data(code).base64EncodedString())"
    }

    struct MalformedSecret: Error {}

    private static func key(of secret: String) throws(MalformedSecret) -> SymmetricKey {
        guard secret.hasPrefix(prefix), let bytes = Data(base64Encoded: String(secret.dropFirst(prefix.count))) else { throw MalformedSecret() }
        return SymmetricKey(data: bytes)
    }
}
