/// Whom mail to a domain really goes to, as far as a name tells: what one of a provider's domains says about us, all of them think.
///
/// Domains of companies that a provider hosts become known by their MX (``DestinationLookups``); until then each stands for itself.
enum DestinationProvider {
    private static let known: [String: String] = [
        "gmail.com": "google", "googlemail.com": "google",
        "outlook.com": "microsoft", "hotmail.com": "microsoft", "live.com": "microsoft", "msn.com": "microsoft",
        "yahoo.com": "yahoo", "ymail.com": "yahoo", "rocketmail.com": "yahoo", "aol.com": "yahoo",
        "icloud.com": "apple", "me.com": "apple", "mac.com": "apple",
        "gmx.de": "united-internet", "gmx.net": "united-internet", "gmx.at": "united-internet", "web.de": "united-internet",
        "proton.me": "proton", "protonmail.com": "proton", "pm.me": "proton",
    ]

    /// The provider's name, or the domain in lower case.
    static func of(domain: some StringProtocol) -> String {
        let domain = domain.lowercased()
        return known[domain] ?? domain
    }

    /// All whose names are known: values of a metric's label.
    static let names = Set(known.values).union(hosts.map(\.provider)).sorted()

    /// Below which names the servers of those stand who take mail for many domains. Filters are on it too: they judge a sender for all of theirs.
    private static let hosts: [(suffix: String, provider: String)] = [
        ("google.com", "google"), ("googlemail.com", "google"), ("smtp.goog", "google"),
        ("mail.protection.outlook.com", "microsoft"), ("olc.protection.outlook.com", "microsoft"), ("mx.microsoft", "microsoft"),
        ("yahoodns.net", "yahoo"), ("mail.icloud.com", "apple"), ("gmx.net", "united-internet"), ("kundenserver.de", "united-internet"),
        ("ionos.com", "united-internet"), ("ionos.de", "united-internet"), ("protonmail.ch", "proton"), ("zoho.com", "zoho"), ("zoho.eu", "zoho"),
        ("zoho.in", "zoho"), ("messagingengine.com", "fastmail"), ("yandex.net", "yandex"), ("yandex.ru", "yandex"), ("mail.ru", "mail-ru"),
        ("mail.ovh.net", "ovh"), ("ovh.net", "ovh"), ("qq.com", "tencent"), ("emailsrvr.com", "rackspace"), ("secureserver.net", "godaddy"),
        ("pphosted.com", "proofpoint"), ("ppe-hosted.com", "proofpoint"), ("mimecast.com", "mimecast"), ("mimecast.co.za", "mimecast"),
        ("messagelabs.com", "broadcom"), ("barracudanetworks.com", "barracuda"), ("iphmx.com", "cisco"), ("hornetsecurity.com", "hornet"),
        ("antispameurope.com", "hornet"), ("trendmicro.com", "trend"), ("trendmicro.eu", "trend"), ("mailcontrol.com", "forcepoint"),
    ]

    /// By the servers of a domain, the most preferred first; nil when nobody known takes its mail.
    static func of(servers: [String]) -> String? {
        guard let first = servers.first?.lowercased() else { return nil }
        return hosts.first { first == $0.suffix || first.hasSuffix("." + $0.suffix) }?.provider
    }

    /// Whether a destination is a domain that could turn out to be somebody's: names of providers have no dot.
    static func mayBeHosted(_ destination: String) -> Bool {
        destination.contains(".")
    }
}
