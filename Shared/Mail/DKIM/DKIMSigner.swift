import Crypto
public import Foundation

/// Signs mail for one domain (RFC 6376, 8301, 8463), relaxed/relaxed, all of the body, with each of its keys.
///
/// A value with its keys prepared: to be kept and used for many mails, from as many threads as there are.
public struct DKIMSigner: Sendable {
    public let domain: String
    /// In the order in which receivers meet their signatures.
    public let keys: [DKIMKey]
    /// How long a signature is good for; nil is for ever, since mail may be looked at late.
    public let lifetime: TimeInterval?

    /// RSA comes first, whatever the order given: some receivers look at the first signature only, and all of them know that algorithm.
    public init(domain: String, keys: [DKIMKey], lifetime: TimeInterval? = nil) {
        self.domain = domain
        self.keys = keys.filter { $0.algorithm == .rsa } + keys.filter { $0.algorithm != .rsa }
        self.lifetime = lifetime
    }

    /// The message with its signatures before it.
    ///
    /// `message` is as ``MailMessage/serialized()`` gives it; nothing that a signature covers may be changed afterwards.
    public func signed(_ message: [UInt8], at instant: Date) throws(DKIMError) -> [UInt8] {
        var output = try signatures(for: message, at: instant)
        output += message
        return output
    }

    /// One `DKIM-Signature` a key, each with its line end.
    public func signatures(for message: [UInt8], at instant: Date) throws(DKIMError) -> [UInt8] {
        let (listed, headers, bodyHash) = try message.withUnsafeBufferPointer { bytes throws(DKIMError) in
            let header = try DKIMHeader(bytes)
            let signed = try DKIMSignedHeaders(header, of: bytes)
            var body = DKIMBodyHash()
            body.update(UnsafeBufferPointer(rebasing: bytes[header.bodyStart...]))
            var hash = SHA256()
            hash.update(data: signed.bytes)
            return (signed.listed, hash, Data(body.finish()).base64EncodedString())
        }
        let time = Int(instant.timeIntervalSince1970.rounded(.down))
        var output: [UInt8] = []
        output.reserveCapacity(message.count + keys.count * 1_200)
        for key in keys {
            var field = DKIMSignatureField(
                algorithm: key.algorithm, domain: domain, selector: key.selector, time: time, expiry: lifetime.map { time + Int($0) },
                listed: listed, bodyHash: bodyHash)
            let digest = try Self.digest(of: field.bytes, after: headers)
            field.add(signature: try key.signature(over: digest).base64EncodedString())
            output += field.bytes
            output += .lineEnd
        }
        return output
    }

    /// Of all that is signed: the listed fields, then the signature's own, as it is without its signature and without a line end.
    static func digest(of field: [UInt8], after headers: SHA256) throws(DKIMError) -> SHA256.Digest {
        try field.withUnsafeBufferPointer { bytes throws(DKIMError) in
            let parsed = try DKIMHeader(bytes)
            guard let own = parsed.fields.first else { throw .malformedHeader }
            var relaxed: [UInt8] = []
            relaxed.reserveCapacity(bytes.count)
            DKIMHeader.appendRelaxed(own, of: bytes, to: &relaxed)
            var hash = headers
            hash.update(data: relaxed)
            return hash.finalize()
        }
    }
}
