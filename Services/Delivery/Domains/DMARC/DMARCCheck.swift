import DNS
import Mail

/// Looks for the policy that applies to a domain, and says what is wrong with it.
struct DMARCCheck: Sendable {
    struct Result: Sendable {
        let record: DomainRecord
        let organisation: String?
        /// A policy applies, and mail authenticated as the domain itself satisfies it.
        let isCovered: Bool
    }

    private static let mostAddresses = 5

    let dns: CheckedDNS
    let domain: String

    private var name: String { "_dmarc.\(domain)" }
    private static let plain = "v=DMARC1; p=none"

    func run() async -> Result {
        let steps: [DMARCWalk.Step]
        do throws(DNSFailure) {
            steps = try await DMARCWalk(dns: dns).walk(from: domain)
        } catch {
            return result(found: [], [DomainFinding(error, name)], value: Self.plain, organisation: nil)
        }
        let organisation = DMARCWalk.organisation(steps)
        let own = steps[0]
        if own.records.count > 1 {
            let finding = DomainFinding(.dmarcMultipleRecords, "\(name) has \(own.records.count) records: receivers read none of them.")
            return result(found: own.records, [finding], value: Self.plain, organisation: organisation)
        }
        guard let step = DMARCWalk.applying(steps), let text = step.record else {
            return await absent(own, organisation)
        }
        var findings: [DomainFinding] = []
        do throws(DMARCRecord.Fault) {
            let record = try DMARCRecord(text)
            findings += Self.findings(record)
            findings += await reportFindings(record, organisation)
            if step.domain != domain {
                findings.append(DomainFinding(.dmarcInherited, "The policy of \(step.domain) applies."))
            } else if !own.lookalikes.isEmpty {
                findings.append(DomainFinding(.dmarcWrongVersion, "Another text at \(name) is meant to be DMARC and is none."))
            }
        } catch {
            findings.append(DomainFinding(error.code, error.detail))
        }
        let value = findings.contains(where: \.isError) ? Self.plain : text
        return result(found: [text] + own.lookalikes, findings, value: value, organisation: organisation)
    }

    private func absent(_ own: DMARCWalk.Step, _ organisation: String) async -> Result {
        if !own.lookalikes.isEmpty {
            let finding = DomainFinding(.dmarcWrongVersion, "The record at \(name) does not begin with “v=DMARC1;”.")
            return result(found: own.lookalikes, [finding], value: Self.plain, organisation: organisation)
        }
        let doubled = ((try? await dns.query("\(name).\(domain)", .txt).records()) ?? []).texts
        let finding =
            doubled.isEmpty
            ? DomainFinding(.dmarcMissing, "There is no record at \(name), nor at any domain above it.")
            : DomainFinding(.dmarcDoubledName, "The record stands at \(name).\(domain), with the domain twice.")
        return result(found: [], [finding], value: Self.plain, organisation: organisation)
    }

    static func findings(_ record: DMARCRecord) -> [DomainFinding] {
        var findings: [DomainFinding] = []
        if record.policy == .none { findings.append(DomainFinding(.dmarcPolicyNone, "p=none only watches: forged mail is delivered.")) }
        if !record.removedTags.isEmpty {
            findings.append(
                DomainFinding(.dmarcRemovedTags, "The record has tags that nobody reads any more: \(record.removedTags.joined(separator: ", "))"))
        }
        if record.isTesting { findings.append(DomainFinding(.dmarcTesting, "t=y says that the policy is being tested.")) }
        if record.publicSuffix == "y" { findings.append(DomainFinding(.dmarcPublicSuffix, "psd=y says that this domain is a registry's.")) }
        return findings
    }

    /// Who takes reports for others has to say so (RFC 9990).
    private func reportFindings(_ record: DMARCRecord, _ organisation: String) async -> [DomainFinding] {
        var findings: [DomainFinding] = []
        for text in record.reportAddresses.prefix(Self.mostAddresses) {
            guard text.lowercased().hasPrefix("mailto:"), let address = try? MailAddress(String(text.dropFirst(7).prefix { $0 != "!" && $0 != "?" }))
            else {
                findings.append(DomainFinding(.dmarcReportAddressInvalid, "“\(text)” is no address to send reports to."))
                continue
            }
            let receiver = address.domain.lowercased()
            if receiver == organisation || receiver.hasSuffix(".\(organisation)") || receiver == domain { continue }
            let answer = await dns.query("\(domain)._report._dmarc.\(receiver)", .txt)
            if case .failed = answer.outcome { continue }
            if !((try? answer.records()) ?? []).texts.contains(where: { $0.hasPrefix("v=DMARC1") }) {
                findings.append(DomainFinding(.dmarcReportsNotAccepted, "\(receiver) does not say that it takes reports about \(domain)."))
            }
        }
        return findings
    }

    private func result(found: [String], _ findings: [DomainFinding], value: String, organisation: String?) -> Result {
        let record = DomainRecord(
            .dmarc, type: "TXT", name: name, value: value, isRequired: true, found: found, findings: findings, isThere: !found.isEmpty)
        return Result(record: record, organisation: organisation, isCovered: record.state == .ok)
    }
}
