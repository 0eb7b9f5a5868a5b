import DNS

/// Looks for the keys with which a domain's mail is signed: ours, and those of the provider that sends it.
struct DKIMCheck: Sendable {
    struct Result: Sendable {
        var records: [DomainRecord] = []
        /// A signature that receivers can verify is possible.
        var isSigned = false
        /// One of our keys is published, which only the domain's owner can have done.
        var hasOwnKey = false
    }

    let dns: CheckedDNS
    let domain: String
    let publications: [DKIMPublication]
    /// Under which the provider's keys may stand.
    let selectors: [String]

    func run() async -> Result {
        var own: [Look] = []
        for publication in publications { own.append(await look(publication.selector, for: publication)) }
        var others: [Look] = []
        for selector in selectors where !publications.contains(where: { $0.selector == selector }) { others.append(await look(selector, for: nil)) }
        let isSignedByUs = own.contains { $0.isUsable && $0.publication?.algorithm == .rsa }
        let isSignedByProvider = others.contains { $0.isUsable && $0.keyType == "rsa" }
        var result = Result(isSigned: isSignedByUs || isSignedByProvider, hasOwnKey: own.contains(where: \.isUsable))
        result.records = own.map { look in
            let isRequired = look.publication?.algorithm == .rsa && !isSignedByProvider
            return record(look, value: look.publication?.value, isRequired: isRequired)
        }
        // What is not there is no fault: a provider uses one selector of many.
        result.records += others.filter(\.isThere).map { record($0, value: nil, isRequired: !result.isSigned) }
        let isUndecided = others.contains { $0.findings.contains(where: \.code.isUndecided) }
        if publications.isEmpty, result.records.isEmpty || isUndecided && !result.isSigned {
            let unanswered = others.flatMap(\.findings).first { $0.code.isUndecided }
            let missing = DomainFinding(.dkimMissing, "No key was found under the selectors \(selectors.joined(separator: ", ")).")
            result.records.append(
                DomainRecord(
                    .dkim, type: "TXT", name: "<selector>._domainkey.\(domain)", value: nil, isRequired: true, found: [],
                    findings: [unanswered ?? missing, DomainFinding(.dkimNoKey, "There is no key of ours for \(domain).")], isThere: false))
        }
        return result
    }

    /// What stands under one selector.
    private struct Look {
        let name: String
        var publication: DKIMPublication?
        var found: [String] = []
        var findings: [DomainFinding] = []
        var keyType = ""

        var isThere: Bool { !found.isEmpty }
        var isUsable: Bool { isThere && !findings.contains(where: \.isError) }
    }

    private func record(_ look: Look, value: String?, isRequired: Bool) -> DomainRecord {
        DomainRecord(
            .dkim, type: "TXT", name: look.name, value: value, isRequired: isRequired, found: look.found, findings: look.findings,
            isThere: look.isThere)
    }

    private func look(_ selector: String, for publication: DKIMPublication?) async -> Look {
        var look = Look(name: "\(selector)._domainkey.\(domain)", publication: publication)
        let texts: [String]
        do throws(DNSFailure) {
            texts = try await dns.query(look.name, .txt).records().texts
        } catch {
            look.findings = [DomainFinding(error, look.name)]
            return look
        }
        guard !texts.isEmpty else {
            guard publication != nil else { return look }
            let doubled = ((try? await dns.query("\(look.name).\(domain)", .txt).records()) ?? []).texts
            look.findings = [
                doubled.isEmpty
                    ? DomainFinding(.dkimMissing, "There is no record at \(look.name).")
                    : DomainFinding(.dkimDoubledName, "The record stands at \(look.name).\(domain), with the domain twice.")
            ]
            return look
        }
        look.found = texts
        guard texts.count == 1 else {
            look.findings = [DomainFinding(.dkimMultipleRecords, "\(look.name) has \(texts.count) records: which one counts is chance.")]
            return look
        }
        do throws(DKIMRecord.Fault) {
            let record = try DKIMRecord(texts[0])
            look.keyType = record.keyType
            look.findings = Self.findings(record, publication)
        } catch {
            look.findings = [DomainFinding(error.code, error.detail)]
        }
        return look
    }

    private static func findings(_ record: DKIMRecord, _ publication: DKIMPublication?) -> [DomainFinding] {
        var findings: [DomainFinding] = []
        if let publication {
            let wanted = publication.algorithm == .rsa ? "rsa" : "ed25519"
            if record.keyType != wanted {
                findings.append(DomainFinding(.dkimWrongKeyType, "The record is of the type \(record.keyType), the key is \(wanted)."))
            } else if record.publicKey != publication.publicKey.filter({ !$0.isWhitespace }) {
                findings.append(DomainFinding(.dkimKeyDiffers, "Another key is published than the one that mail is signed with."))
            }
        }
        if let bits = record.bits, bits < 2_048 { findings.append(DomainFinding(.dkimKeyWeak, "The key has \(bits) bits; 2048 are usual.")) }
        if record.isTesting { findings.append(DomainFinding(.dkimTesting, "t=y says that signatures are being tested; some receivers ignore them.")) }
        return findings
    }
}
