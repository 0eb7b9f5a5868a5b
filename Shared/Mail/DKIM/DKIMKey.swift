import Crypto
import CryptoExtras
public import Foundation

/// A private key that is ready to sign, and the name under which its public half is published.
public struct DKIMKey: Sendable {
    /// RFC 8301 leaves rsa-sha256, RFC 8463 adds the other; every receiver knows the first only.
    public enum Algorithm: String, Sendable, CaseIterable {
        case rsa = "rsa-sha256"
        case ed25519 = "ed25519-sha256"
    }

    private enum Secret: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    /// The label below `_domainkey`.
    public let selector: String
    private let key: Secret

    /// A new key; of RSA with 2,048 bits, which takes a processor a good part of a second.
    public static func make(selector: String, algorithm: Algorithm) throws(DKIMError) -> DKIMKey {
        switch algorithm {
        case .ed25519: return DKIMKey(selector: selector, key: .ed25519(Curve25519.Signing.PrivateKey()))
        case .rsa:
            do {
                return DKIMKey(selector: selector, key: .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)))
            } catch {
                throw .unusableKey(selector: selector)
            }
        }
    }

    /// From what ``secret`` gave; an RSA key of fewer than 2,048 bits is refused.
    public init(selector: String, algorithm: Algorithm, secret: Data) throws(DKIMError) {
        self.selector = selector
        do {
            key =
                switch algorithm {
                case .rsa: .rsa(try _RSA.Signing.PrivateKey(derRepresentation: secret))
                case .ed25519: .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: secret))
                }
        } catch {
            throw .unusableKey(selector: selector)
        }
    }

    private init(selector: String, key: Secret) {
        self.selector = selector
        self.key = key
    }

    public var algorithm: Algorithm {
        switch key {
        case .rsa: .rsa
        case .ed25519: .ed25519
        }
    }

    /// The private half, to be sealed: PKCS #8 of an RSA key, the 32 bytes of the other.
    public var secret: Data {
        switch key {
        case .rsa(let key): key.pkcs8DERRepresentation
        case .ed25519(let key): key.rawRepresentation
        }
    }

    /// What the record in DNS has as `p=`.
    public var publicKey: String {
        switch key {
        case .rsa(let key): key.publicKey.derRepresentation.base64EncodedString()
        case .ed25519(let key): key.publicKey.rawRepresentation.base64EncodedString()
        }
    }

    /// The signature over what has this digest; RFC 8463 signs the digest as if it were the message.
    func signature(over digest: SHA256.Digest) throws(DKIMError) -> Data {
        do {
            switch key {
            case .rsa(let key): return try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation
            case .ed25519(let key): return try key.signature(for: Data(digest))
            }
        } catch {
            throw .signingFailed(selector: selector)
        }
    }
}
