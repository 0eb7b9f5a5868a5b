import Foundation
import IMAP
import Mail
import ServiceRuntime

/// Somebody whose accounts mailboxes are: where consent is asked for, where tokens come from, and where the mail is.
struct OAuthProvider: Sendable, Equatable {
    enum Name: String, Sendable, CaseIterable, Codable {
        case google, microsoft

        /// As people know it.
        var title: String {
            switch self {
            case .google: "Google"
            case .microsoft: "Microsoft"
            }
        }
    }

    let name: Name
    let clientID: String
    let clientSecret: String
    /// What ID tokens must name; `{tenantid}` stands for the company of whoever consented.
    let issuer: String
    let authorizeURL: String
    let tokenURL: String
    /// Empty: the provider takes no revocations.
    let revokeURL: String
    let keysURL: String
    /// What is asked for.
    let scopes: [String]
    let smtp: SMTPServer
    let imap: IMAPServer

    /// What must have been granted: the others are for the ID token and for refreshing, and no provider lists those the same way.
    var neededScopes: [String] { scopes.filter { $0.hasPrefix("https://") } }

    /// What makes a provider give a refresh token, each time.
    var authorizeParameters: [(String, String)] {
        switch name {
        case .google: [("access_type", "offline"), ("prompt", "consent"), ("include_granted_scopes", "false")]
        case .microsoft: [("prompt", "select_account"), ("response_mode", "query")]
        }
    }

    /// Whether an ID token's issuer is this provider; `company` is what the token names as such.
    func isIssuer(_ claimed: String, company: String?) -> Bool {
        guard issuer.contains(Self.companyPlace) else {
            // Google's own, older spelling.
            return claimed == issuer || (name == .google && "https://\(claimed)" == issuer)
        }
        guard let company, UUID(uuidString: company) != nil else { return false }
        return claimed == issuer.replacing(Self.companyPlace, with: company)
    }

    private static let companyPlace = "{tenantid}"
}

extension OAuthProvider {
    private static let defaults: [Name: [(key: String, summary: String, value: String)]] = [
        .google: [
            ("issuer", "Google's issuer, as its ID tokens name it.", "https://accounts.google.com"),
            ("authorize.url", "Where people consent.", "https://accounts.google.com/o/oauth2/v2/auth"),
            ("token.url", "Where tokens come from.", "https://oauth2.googleapis.com/token"),
            ("revoke.url", "Where tokens are withdrawn; none: nowhere.", "https://oauth2.googleapis.com/revoke"),
            ("keys.url", "Google's keys for ID tokens.", "https://www.googleapis.com/oauth2/v3/certs"),
            ("scopes", "What is asked for.", "https://mail.google.com/ openid email"),
            ("smtp", "Where its mail is handed in: host:port:tls or starttls.", "smtp.gmail.com:465:tls"),
            ("imap", "Where its mail is read: host:port:tls or starttls.", "imap.gmail.com:993:tls"),
        ],
        .microsoft: [
            (
                "issuer", "Microsoft's issuer; {tenantid} stands for the company of whoever consented.",
                "https://login.microsoftonline.com/{tenantid}/v2.0"
            ),
            ("authorize.url", "Where people consent.", "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"),
            ("token.url", "Where tokens come from.", "https://login.microsoftonline.com/common/oauth2/v2.0/token"),
            ("revoke.url", "Where tokens are withdrawn; none: nowhere.", "none"),
            ("keys.url", "Microsoft's keys for ID tokens.", "https://login.microsoftonline.com/common/discovery/v2.0/keys"),
            (
                "scopes", "What is asked for; other clouds have another host in it.",
                "offline_access https://outlook.office.com/SMTP.Send https://outlook.office.com/IMAP.AccessAsUser.All openid email profile"
            ),
            ("smtp", "Where its mail is handed in: host:port:tls or starttls.", "smtp.office365.com:587:starttls"),
            ("imap", "Where its mail is read: host:port:tls or starttls.", "outlook.office365.com:993:tls"),
        ],
    ]

    static let keys: [ConfigurationKey] = Name.allCases.flatMap { name in
        [
            ConfigurationKey(
                "delivery.oauth.\(name).client.id", "Our client id at \(name.title) for mailboxes; empty: none can be connected there.", default: ""),
            ConfigurationKey("delivery.oauth.\(name).client.secret.file", "A file with the secret of that client.", default: ""),
        ]
            + (defaults[name] ?? []).map { ConfigurationKey("delivery.oauth.\(name).\($0.key)", $0.summary, default: $0.value) }
    }

    /// Those that are configured; throws what is wrong with any of them, all at once.
    static func configured(_ settings: Settings) throws(SettingsError) -> [Name: OAuthProvider] {
        var providers: [Name: OAuthProvider] = [:]
        var problems: [String] = []
        for name in Name.allCases where !settings["delivery.oauth.\(name).client.id"].isEmpty {
            do throws(SettingsError) {
                providers[name] = try OAuthProvider(name, settings)
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        return providers
    }

    private init(_ name: Name, _ settings: Settings) throws(SettingsError) {
        let prefix = "delivery.oauth.\(name)"
        var problems: [String] = []
        func address(_ key: String, mayBeNone: Bool = false) -> String {
            let text = settings["\(prefix).\(key)"]
            if mayBeNone, text == "none" { return "" }
            if !Self.isSafe(text) { problems.append("\(prefix).\(key) must be a URL that begins with https://") }
            return text
        }
        func place(_ key: String) -> (host: String, port: Int, security: String) {
            let parts = settings["\(prefix).\(key)"].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, !parts[0].isEmpty, let port = Int(parts[1]), (1...65_535).contains(port),
                ["tls", "starttls", "none"].contains(parts[2])
            else {
                problems.append("\(prefix).\(key) must be host:port:tls or host:port:starttls")
                return ("", 0, "tls")
            }
            return (parts[0], port, parts[2])
        }
        let file = settings["\(prefix).client.secret.file"]
        let secret = (try? String(contentsOfFile: file, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        if secret.isEmpty { problems.append("\(prefix).client.secret.file must name a file with the secret: \(prefix).client.id is set") }
        self.name = name
        clientID = settings["\(prefix).client.id"]
        clientSecret = secret
        issuer = settings["\(prefix).issuer"]
        if !Self.isSafe(issuer.replacing(Self.companyPlace, with: "company")) {
            problems.append("\(prefix).issuer must be a URL that begins with https://")
        }
        authorizeURL = address("authorize.url")
        tokenURL = address("token.url")
        revokeURL = address("revoke.url", mayBeNone: true)
        keysURL = address("keys.url")
        scopes = settings["\(prefix).scopes"].split(separator: " ").map(String.init)
        if !scopes.contains("openid") { problems.append("\(prefix).scopes must contain openid: the ID token says whose mailbox it is") }
        let (smtp, imap) = (place("smtp"), place("imap"))
        self.smtp = SMTPServer(host: smtp.host, port: smtp.port, security: SMTPSecurity(rawValue: smtp.security) ?? .tls)
        self.imap = IMAPServer(host: imap.host, port: imap.port, security: IMAPSecurity(rawValue: imap.security) ?? .tls)
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
    }

    private static let loopback: Set<String> = ["localhost", "127.0.0.1", "::1", "[::1]"]

    /// Whether secrets may go there: over TLS, or not off this machine.
    static func isSafe(_ address: String) -> Bool {
        guard let url = URL(string: address), let host = url.host(), !host.isEmpty, url.user() == nil else { return false }
        return url.scheme == "https" || (url.scheme == "http" && loopback.contains(host))
    }
}
