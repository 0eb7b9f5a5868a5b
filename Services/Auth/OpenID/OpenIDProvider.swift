import Foundation
import ServiceRuntime

/// Somebody else who says who a person is: one issuer, pinned, and what we are called there.
struct OpenIDProvider: Sendable, Equatable {
    enum Name: String, Sendable, CaseIterable, Encodable {
        case google, microsoft
    }

    let name: Name
    /// Exactly what its documents and tokens must say; with the subject it names an identity.
    let issuer: String
    let clientID: String
    let clientSecret: String

    /// Where it says where its endpoints are (OpenID Connect Discovery 1.0, section 4).
    var discoveryURL: String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }

    static let keys: [ConfigurationKey] = [
        ConfigurationKey("openid.google.client.id", "Our client id at Google; empty: nobody signs in with Google.", default: ""),
        ConfigurationKey("openid.google.client.secret", "The secret of that client.", default: "", isSecret: true),
        ConfigurationKey("openid.google.issuer", "Google's issuer.", default: "https://accounts.google.com"),
        ConfigurationKey("openid.microsoft.client.id", "Our client id at Microsoft; empty: nobody signs in with Microsoft.", default: ""),
        ConfigurationKey("openid.microsoft.client.secret", "The secret of that client.", default: "", isSecret: true),
        ConfigurationKey(
            "openid.microsoft.issuer", "Microsoft's issuer of one tenant: https://login.microsoftonline.com/<tenant id>/v2.0.", default: ""),
    ]

    /// Those that are configured; throws what is wrong with any of them, all at once.
    static func configured(_ settings: Settings) throws(SettingsError) -> [OpenIDProvider] {
        var providers: [OpenIDProvider] = []
        var problems: [String] = []
        for name in Name.allCases where !settings["openid.\(name.rawValue).client.id"].isEmpty {
            do throws(SettingsError) {
                providers.append(try OpenIDProvider(name, settings))
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        return providers
    }

    private init(_ name: Name, _ settings: Settings) throws(SettingsError) {
        self.name = name
        let prefix = "openid.\(name.rawValue)"
        clientID = settings["\(prefix).client.id"]
        clientSecret = settings["\(prefix).client.secret"]
        issuer = settings["\(prefix).issuer"]
        var problems: [String] = []
        if clientSecret.isEmpty { problems.append("\(prefix).client.secret is missing: \(prefix).client.id is set") }
        if issuer.isEmpty {
            problems.append("\(prefix).issuer is missing: \(prefix).client.id is set")
        } else if !Self.isSafe(issuer) || issuer.contains("?") || issuer.contains("#") {
            problems.append("\(prefix).issuer must be a URL that begins with https:// and has no query")
        }
        let shared = Self.sharedTenants.intersection(issuer.lowercased().split(separator: "/").map(String.init))
        if name == .microsoft, let tenant = shared.first {
            // Tokens that come that way name the tenant they are from, whichever it is: there would be no issuer to pin.
            problems.append("\(prefix).issuer must name one tenant: \(tenant) stands for many, each with an issuer of its own")
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
    }

    private static let sharedTenants: Set<String> = ["common", "organizations", "consumers"]
    private static let loopback: Set<String> = ["localhost", "127.0.0.1", "::1", "[::1]"]

    /// Whether secrets may go there: over TLS, or not off this machine.
    static func isSafe(_ address: String) -> Bool {
        guard let url = URL(string: address), let host = url.host(), !host.isEmpty, url.user() == nil else { return false }
        return url.scheme == "https" || (url.scheme == "http" && loopback.contains(host))
    }
}
