import DNS

/// Whether links in mail can carry the domain's own name.
struct TrackingCheck: Sendable {
    let dns: CheckedDNS
    let domain: String
    let target: String

    static func name(of domain: String) -> String { "track.\(domain)" }

    func run() async -> DomainRecord {
        let name = Self.name(of: domain)
        let aliases: [String]
        do throws(DNSFailure) {
            aliases = try await dns.query(name, .cname).records().names
        } catch {
            return record([], [DomainFinding(error, name)])
        }
        if let alias = aliases.first {
            return record(aliases, alias == target ? [] : [DomainFinding(.trackingWrongTarget, "\(name) leads to \(alias), not to \(target).")])
        }
        let addresses = ((try? await dns.query(name, .a).records()) ?? []).addresses
        if addresses.isEmpty { return record([], [DomainFinding(.trackingMissing, "There is no record at \(name).")]) }
        return record(addresses, [DomainFinding(.trackingNotAlias, "\(name) has addresses of its own instead of a CNAME.")])
    }

    private func record(_ found: [String], _ findings: [DomainFinding]) -> DomainRecord {
        DomainRecord(
            .tracking, type: "CNAME", name: Self.name(of: domain), value: target, isRequired: false, found: found, findings: findings,
            isThere: !found.isEmpty)
    }
}
