import Crypto
import Foundation

/// A TLSA record (RFC 6698) of a mail server, as RFC 7672 reads it.
public struct TLSARecord: Sendable, Hashable {
    public let usage: Int
    public let selector: Int
    public let matching: Int
    public let data: [UInt8]

    public init(usage: Int, selector: Int, matching: Int, data: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matching = matching
        self.data = data
    }

    /// The server's own certificate, whatever else it says.
    var isEndEntity: Bool { usage == 3 }
    /// An authority above it.
    var isTrustAnchor: Bool { usage == 2 }

    /// Whether it can prove anything between mail servers: the usages that lean on the world's authorities cannot, nor can what has the wrong length.
    public var isUsable: Bool {
        guard isEndEntity || isTrustAnchor, selector == 0 || selector == 1 else { return false }
        switch matching {
        case 0: return !data.isEmpty
        case 1: return data.count == SHA256.byteCount
        case 2: return data.count == SHA512.byteCount
        default: return false
        }
    }

    /// Whether it means this certificate, which it names by itself or by its key, whole or by a digest.
    func matches(_ certificate: PresentedCertificate) -> Bool {
        let content = selector == 0 ? certificate.bytes : certificate.key
        return switch matching {
        case 0: content == data
        case 1: Array(SHA256.hash(data: content)) == data
        case 2: Array(SHA512.hash(data: content)) == data
        default: false
        }
    }

    /// As a zone file has it.
    public var text: String {
        "\(usage) \(selector) \(matching) \(data.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())"
    }
}

/// A certificate as the other side showed it.
struct PresentedCertificate: Sendable {
    /// In DER.
    let bytes: [UInt8]
    /// The key with its kind (SubjectPublicKeyInfo), in DER.
    let key: [UInt8]
}
