import DNS
import Primitives

/// Whether answers and bounces find their way back.
struct MailExchangeCheck: Sendable {
    private static let mostServers = 10

    let dns: CheckedDNS
    let domain: String
    /// What the mail provider asks for, when it is known.
    let suggestion: String?
    /// Servers may stand inside, as in development.
    let allowsPrivate: Bool

    func run() async -> DomainRecord {
        let records: [DNSRecord]
        do throws(DNSFailure) {
            records = try await dns.query(domain, .mx).records()
        } catch {
            return record([], [DomainFinding(error, domain)])
        }
        let servers = records.compactMap { record -> (preference: Int, host: String)? in
            if case .mailServer(let preference, let host) = record { (preference, host) } else { nil }
        }.sorted { ($0.preference, $0.host) < ($1.preference, $1.host) }
        guard !servers.isEmpty else {
            return record([], [DomainFinding(.mxMissing, "\(domain) has no MX record.")])
        }
        let found = servers.map { "\($0.preference) \($0.host.isEmpty ? "." : $0.host)" }
        if servers.contains(where: { $0.host.isEmpty }) {
            return record(found, [DomainFinding(.mxNull, "The MX record says that \(domain) takes no mail.")])
        }
        var findings: [DomainFinding] = []
        for server in servers.prefix(Self.mostServers) {
            if let finding = await finding(about: server.host) { findings.append(finding) }
        }
        return record(found, findings)
    }

    private func finding(about host: String) async -> DomainFinding? {
        if DNSName.reverse(of: host) != nil { return DomainFinding(.mxTargetIsAddress, "MX names \(host), an address; it must be a name.") }
        async let four = dns.query(host, .a)
        async let six = dns.query(host, .aaaa)
        let answers = await [four, six]
        let addresses = answers.flatMap { (try? $0.records()) ?? [] }.addresses
        if addresses.isEmpty {
            for answer in answers { if case .failed(let failure) = answer.outcome { return DomainFinding(failure, host) } }
            return DomainFinding(.mxTargetMissing, "MX names \(host), which has no address.")
        }
        if answers.contains(where: { !$0.aliases.isEmpty }) {
            return DomainFinding(.mxTargetIsAlias, "MX names \(host), which is an alias; the standard forbids that.")
        }
        if !allowsPrivate, !addresses.contains(where: PublicAddress.isPublic) {
            return DomainFinding(.mxTargetNotPublic, "MX names \(host), whose address \(addresses[0]) nobody reaches from outside.")
        }
        return nil
    }

    private func record(_ found: [String], _ findings: [DomainFinding]) -> DomainRecord {
        DomainRecord(
            .mx, type: "MX", name: domain, value: suggestion, isRequired: false, found: found, findings: findings, isThere: !found.isEmpty)
    }
}
