import Crypto
import Foundation
import NIOSSL

/// A certificate with its key, of which is known that they belong together and to the host.
struct IssuedCertificate: Sendable, Equatable {
    /// The leaf first (PEM).
    let chain: String
    /// PEM.
    let key: String
    let startsAt: Date
    let endsAt: Date

    init(chain: String, key: String, host: String) throws(CertificateFailure) {
        guard let leaf = try? NIOSSLCertificate.fromPEMBytes(Array(chain.utf8)).first,
            let signer = try? P256.Signing.PrivateKey(pemRepresentation: key)
        else { throw CertificateFailure(.client, "what was issued cannot be read") }
        guard let spki = try? leaf.extractPublicKey().toSPKIBytes(), spki == Array(signer.publicKey.derRepresentation) else {
            throw CertificateFailure(.client, "the certificate is for another key")
        }
        let names = leaf._subjectAlternativeNames().filter { $0.nameType == .dnsName }.map {
            String(decoding: $0.contents, as: UTF8.self).lowercased()
        }
        guard names == [host] else { throw CertificateFailure(.client, "the certificate is for \(names.joined(separator: ", "))") }
        self.chain = chain
        self.key = key
        startsAt = Date(timeIntervalSince1970: TimeInterval(leaf.notValidBefore))
        endsAt = Date(timeIntervalSince1970: TimeInterval(leaf.notValidAfter))
    }

    init(chain: String, key: String, startsAt: Date, endsAt: Date) {
        (self.chain, self.key, self.startsAt, self.endsAt) = (chain, key, startsAt, endsAt)
    }

    /// As nginx reads both from one file, so that a key never stands beside another's certificate.
    static func file(chain: String, key: String) -> String {
        key.trimmingCharacters(in: .newlines) + "\n" + chain.trimmingCharacters(in: .newlines) + "\n"
    }
}
