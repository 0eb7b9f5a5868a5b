import Contracts

/// Under which address a mail's links stand: the company's own tracking domain where it is proven, else the platform's.
struct TrackingHost: Sendable {
    /// Without a slash at its end.
    let fallback: String
    /// The proven tracking host of a company's sending domain, such as `click.example.com`; nil when it has none.
    let lookUp: @Sendable (TenantID, _ domain: String) async -> String?

    /// For mail from `address`; the looked-up name goes into mails, so anything but a host's letters is refused.
    func base(of tenant: TenantID, from address: String) async -> String {
        guard let at = address.lastIndex(of: "@") else { return fallback }
        let domain = address[address.index(after: at)...].lowercased()
        guard let host = await lookUp(tenant, domain), !host.isEmpty, host.utf8.count <= 253,
            host.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E
            })
        else { return fallback }
        return "https://\(host.lowercased())"
    }
}
