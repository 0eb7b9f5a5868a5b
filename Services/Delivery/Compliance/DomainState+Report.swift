import Mail

extension DomainState {
    /// What the last check of a domain found, as receivers weigh it; `keys` are ours.
    init(_ report: DomainReport, of domain: String, keys: [SigningKey]) {
        func record(_ purpose: DomainRecord.Purpose) -> DomainRecord? { report.records.first { $0.purpose == purpose } }
        let policy = record(.dmarc)?.found.lazy.compactMap { try? DMARCRecord($0) }.first
        let ours = keys.filter { $0.state == .pending || $0.state == .active }.map { key in
            Key(
                selector: key.selector, algorithm: key.publication.algorithm, bits: key.algorithm == .rsa ? 2_048 : nil,
                isPublished: key.state == .active)
        }
        let signing: Signing =
            if keys.contains(where: { $0.state == .active && $0.algorithm == .rsa }) {
                .ours(domain)
            } else if report.dkim {
                .providers(domain)
            } else {
                report.isUndecided || report.records.isEmpty ? .providers(nil) : .nobody
            }
        let tracking = record(.tracking).flatMap { $0.state == .ok ? $0.name : nil }
        self.init(
            spf: Self.finding(record(.spf)), envelopeDomain: domain, signing: signing, keys: ours.isEmpty ? Self.providersKeys(report) : ours,
            dmarc: DMARC(
                finding: Self.finding(record(.dmarc)), policy: policy.flatMap { DMARC.Policy(rawValue: $0.policy.rawValue) },
                isStrictDKIM: policy?.dkimAlignment == .strict, isStrictSPF: policy?.spfAlignment == .strict),
            trackingDomain: tracking, isServerOurs: false, pointer: .unknown("the server is the provider's"),
            tls: .unknown("the server is the provider's"), organisation: report.organisation)
    }

    private static func finding(_ record: DomainRecord?) -> Finding {
        guard let record else { return .unknown("the domain has not been checked yet") }
        let reason = record.findings.first(where: \.isError)?.detail
        return switch record.state {
        case .ok: .pass
        case .missing, .wrong, .recommended: .fail(reason ?? "the record is missing")
        case .unknown: .unknown("DNS gave no answer")
        }
    }

    /// Those that the mail provider publishes under the domain.
    private static func providersKeys(_ report: DomainReport) -> [Key] {
        report.records.filter { $0.purpose == .dkim && $0.state == .ok }.flatMap { record in
            record.found.compactMap { try? DKIMRecord($0) }.map { key in
                Key(
                    selector: String(record.name.prefix { $0 != "." }), algorithm: key.keyType == "rsa" ? .rsa : .ed25519, bits: key.bits,
                    isPublished: true)
            }
        }
    }
}
