import DNS

/// Whether the company that added a domain may publish records in it: nobody else knows the text.
struct OwnershipCheck: Sendable {
    let dns: CheckedDNS
    let domain: String
    let token: String

    static func name(of domain: String) -> String { "_penguinmails.\(domain)" }
    private static let prefix = "penguinmails-verification="

    /// `isProven`: one of our keys in the domain's DNS says the same.
    func run(isProvenByKey: Bool) async -> (record: DomainRecord, isProven: Bool) {
        let name = Self.name(of: domain)
        let wanted = Self.prefix + token
        func record(_ found: [String], _ findings: [DomainFinding]) -> DomainRecord {
            DomainRecord(
                .ownership, type: "TXT", name: name, value: wanted, isRequired: !isProvenByKey, found: found, findings: findings,
                isThere: !found.isEmpty)
        }
        do throws(DNSFailure) {
            let texts = try await dns.query(name, .txt).records().texts
            if texts.contains(wanted) { return (record([wanted], []), true) }
            let finding =
                texts.isEmpty
                ? DomainFinding(.ownershipMissing, "There is no record at \(name).")
                : DomainFinding(.ownershipWrongValue, "The record at \(name) has another value than the one asked for.")
            return (record(texts, [finding]), isProvenByKey)
        } catch {
            return (record([], [DomainFinding(error, name)]), isProvenByKey)
        }
    }
}
