import DNS

extension DNSResolver {
    /// Whether the record of a key of ours stands in DNS as it should: alone, and with this key. Throws when DNS could not be asked.
    func shows(_ publication: DKIMPublication, of domain: String) async throws(DNSNotAsked) -> Bool {
        switch await query("\(publication.selector)._domainkey.\(domain)", .txt).outcome {
        case .noSuchDomain, .noSuchRecord: return false
        case .failed: throw DNSNotAsked()
        case .records(let records):
            let texts = records.texts
            guard texts.count == 1, let record = try? DKIMRecord(texts[0]) else { return false }
            return record.publicKey == publication.publicKey && record.keyType == (publication.algorithm == .rsa ? "rsa" : "ed25519")
        }
    }
}
