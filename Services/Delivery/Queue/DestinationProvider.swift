/// Whom mail to a domain really goes to, as far as a name tells: what one of a provider's domains says about us, all of them think.
///
/// Domains of companies that a provider hosts become known by their MX, with the DNS of deliverability; until then each stands for itself.
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
}
