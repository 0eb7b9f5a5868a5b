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
        let signed = Data("\(message).\(seconds).".utf8) + body
        var signatures: [String] = []
        for secret in secrets {
            let code = HMAC<SHA256>.authenticationCode(for: signed, using: try key(of: secret))
            signatures.append("v1,\(Data(code).base64EncodedString())")
        }
        return [
            ("content-type", "application/json"), ("webhook-id", message.description), ("webhook-timestamp", "\(seconds)"),
            ("webhook-signature", signatures.joined(separator: " ")),
        ]
    }

    struct MalformedSecret: Error {}

    private static func key(of secret: String) throws(MalformedSecret) -> SymmetricKey {
        guard secret.hasPrefix(prefix), let bytes = Data(base64Encoded: String(secret.dropFirst(prefix.count))) else { throw MalformedSecret() }
        return SymmetricKey(data: bytes)
    }
}
