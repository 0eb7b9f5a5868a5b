import Foundation

/// A key record of RFC 6376 with what RFC 8301 and 8463 say of keys.
struct DKIMRecord: Sendable, Equatable {
    struct Fault: Error, Equatable {
        let code: DomainFinding.Code
        let detail: String
    }

    /// `rsa` or `ed25519`.
    let keyType: String
    /// Base64 without white space.
    let publicKey: String
    /// Of RSA.
    let bits: Int?
    let isTesting: Bool

    /// Throws the first reason for which no signature would verify with it.
    init(_ text: String) throws(Fault) {
        guard let list = TagList(text) else { throw Fault(code: .dkimMalformed, detail: "The record is no list of tags.") }
        if let version = list["v"], version != "DKIM1" || list.tags[0].name != "v" {
            throw Fault(code: .dkimWrongVersion, detail: "The record does not begin with v=DKIM1.")
        }
        guard let key = list["p"] else { throw Fault(code: .dkimMalformed, detail: "The record has no p=, which holds the key.") }
        publicKey = key.filter { !$0.isWhitespace }
        guard !publicKey.isEmpty else { throw Fault(code: .dkimRevoked, detail: "The key is revoked: p= is empty.") }
        keyType = (list["k"] ?? "rsa").lowercased()
        guard ["rsa", "ed25519"].contains(keyType) else { throw Fault(code: .dkimWrongKeyType, detail: "Nobody knows keys of the type \(keyType).") }
        if let hashes = list.list("h"), !hashes.contains("sha256") {
            throw Fault(code: .dkimHashExcluded, detail: "The record does not allow SHA-256, with which mail is signed.")
        }
        if let services = list.list("s"), !services.contains("email"), !services.contains("*") {
            throw Fault(code: .dkimServiceExcluded, detail: "The record is not for mail: s=\(services.joined(separator: ":"))")
        }
        isTesting = list.list("t")?.contains("y") ?? false
        guard let bytes = Data(base64Encoded: publicKey) else { throw Fault(code: .dkimKeyUnreadable, detail: "p= is not Base64.") }
        if keyType == "ed25519" {
            guard bytes.count == 32 else { throw Fault(code: .dkimKeyUnreadable, detail: "A key of Ed25519 has 32 bytes, this one \(bytes.count).") }
            bits = nil
        } else {
            guard let size = RSAKeySize.bits(of: [UInt8](bytes)) else { throw Fault(code: .dkimKeyUnreadable, detail: "p= holds no RSA key.") }
            guard size >= 1_024 else { throw Fault(code: .dkimKeyTooShort, detail: "The key has \(size) bits; below 1024 nobody verifies it.") }
            bits = size
        }
    }
}

/// Reads how long an RSA key is out of its DER form, SubjectPublicKeyInfo or RSAPublicKey.
enum RSAKeySize {
    static func bits(of der: [UInt8]) -> Int? {
        var outer = Reader(bytes: der[...])
        guard var sequence = outer.open(0x30) else { return nil }
        if sequence.bytes.first == 0x30 {
            guard sequence.open(0x30) != nil, var key = sequence.open(0x03), key.bytes.popFirst() == 0, let inner = key.open(0x30) else { return nil }
            sequence = inner
        }
        guard let modulus = sequence.open(0x02) else { return nil }
        let digits = modulus.bytes.drop { $0 == 0 }
        guard let first = digits.first else { return nil }
        return digits.count * 8 - first.leadingZeroBitCount
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        /// The content of the next element, when it has this tag and lies within the bytes.
        mutating func open(_ tag: UInt8) -> Reader? {
            guard bytes.popFirst() == tag, let first = bytes.popFirst() else { return nil }
            var length = Int(first)
            if first & 0x80 != 0 {
                let count = Int(first & 0x7F)
                guard (1...3).contains(count), bytes.count >= count else { return nil }
                length = bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
                bytes = bytes.dropFirst(count)
            }
            guard length <= bytes.count else { return nil }
            defer { bytes = bytes.dropFirst(length) }
            return Reader(bytes: bytes.prefix(length))
        }
    }
}
