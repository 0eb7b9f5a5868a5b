import Foundation
import ServiceRuntime

/// Who we are at Stripe and where it is; refuses what would leave a door open.
struct StripeSettings: Sendable {
    static let liveBase = "https://api.stripe.com"

    static let keys: [ConfigurationKey] = [
        ConfigurationKey(
            "stripe.api.base", "Where Stripe's API is; another than Stripe's own only on this machine and with a test key.", default: liveBase),
        ConfigurationKey("stripe.secret.key", "Secret key at Stripe (sk_… or rk_…); empty: nothing can be bought.", default: "", isSecret: true),
        ConfigurationKey("stripe.publishable.key", "Publishable key at Stripe (pk_…), which browsers are given.", default: ""),
        ConfigurationKey(
            "stripe.webhook.secret", "Signing secret of the endpoint /webhooks/stripe; several, separated by commas, while one is rolled.",
            default: "", isSecret: true),
        ConfigurationKey(
            "stripe.connect.webhook.secret", "The same of the endpoint /webhooks/stripe/connect.", default: "", isSecret: true),
        ConfigurationKey(
            "stripe.connect.application.fee.percent", "Our part of what connected accounts charge, in percent with at most two decimals.",
            default: "0"),
        ConfigurationKey(
            "stripe.portal.configuration", "Configuration of Stripe's customer portal that is shown (bpc_…); empty: the account's own.",
            default: ""),
    ]

    let base: String
    let secretKey: String
    let publishableKey: String
    let webhookSecrets: [String]
    let connectWebhookSecrets: [String]
    /// In hundredths of a percent.
    let applicationFeeBasisPoints: Int64

    /// Empty for the account's own.
    let portalConfiguration: String

    /// Whether anything can be asked of Stripe.
    var isConfigured: Bool { !secretKey.isEmpty }

    /// Throws everything that is wrong at once.
    init(_ settings: Settings) throws(SettingsError) {
        base = settings["stripe.api.base"]
        secretKey = settings["stripe.secret.key"]
        publishableKey = settings["stripe.publishable.key"]
        webhookSecrets = Self.secrets(settings["stripe.webhook.secret"])
        connectWebhookSecrets = Self.secrets(settings["stripe.connect.webhook.secret"])
        portalConfiguration = settings["stripe.portal.configuration"]
        var problems: [String] = []
        if !portalConfiguration.isEmpty, !portalConfiguration.hasPrefix("bpc_") {
            problems.append("stripe.portal.configuration must begin with bpc_")
        }
        let percent = Self.basisPoints(settings["stripe.connect.application.fee.percent"])
        if percent == nil { problems.append("stripe.connect.application.fee.percent must be from 0 to 100 with at most two decimals") }
        applicationFeeBasisPoints = percent ?? 0
        let mode = Self.mode(of: secretKey, prefixes: ["sk", "rk"])
        if !secretKey.isEmpty {
            if mode == nil { problems.append("stripe.secret.key must begin with sk_test_, sk_live_, rk_test_ or rk_live_") }
            if webhookSecrets.isEmpty { problems.append("stripe.webhook.secret is missing: stripe.secret.key is set") }
            if connectWebhookSecrets.isEmpty { problems.append("stripe.connect.webhook.secret is missing: stripe.secret.key is set") }
            if !publishableKey.isEmpty, Self.mode(of: publishableKey, prefixes: ["pk"]) != mode {
                problems.append("stripe.publishable.key must begin with pk_ and be of the same mode, test or live, as stripe.secret.key")
            }
        }
        // A double must never stand in for Stripe where money moves, and no live key may go anywhere else.
        if base != Self.liveBase, !Self.isLoopback(base) || mode == "live" {
            problems.append("stripe.api.base must be \(Self.liveBase); only with a test key it may be http:// on this machine, without a path")
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
    }

    /// Our part of an amount in minor units, rounded down.
    func applicationFee(of amount: Int64) -> Int64 {
        let (whole, rest) = amount.quotientAndRemainder(dividingBy: 10_000)
        return whole * applicationFeeBasisPoints + rest * applicationFeeBasisPoints / 10_000
    }

    private static func secrets(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// `test` or `live`; nil for what is no key of these kinds.
    private static func mode(of key: String, prefixes: [String]) -> String? {
        let parts = key.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, prefixes.contains(parts[0]), ["test", "live"].contains(parts[1]), !parts[2].isEmpty else { return nil }
        return parts[1]
    }

    private static func isLoopback(_ address: String) -> Bool {
        guard let url = URL(string: address), let host = url.host(), url.scheme == "http", url.user() == nil, url.query() == nil else {
            return false
        }
        return ["127.0.0.1", "localhost", "::1", "[::1]"].contains(host) && url.path().isEmpty
    }

    /// `12.5` is 1250; digits only, so that nothing is rounded.
    private static func basisPoints(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let isDigits = parts.allSatisfy { part in part.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } }
        guard isDigits, (1...2).contains(parts.count), (1...3).contains(parts[0].count), let whole = Int64(parts[0]) else { return nil }
        var points = whole * 100
        if parts.count == 2 {
            guard (1...2).contains(parts[1].count), let decimals = Int64(parts[1]) else { return nil }
            points += parts[1].count == 1 ? decimals * 10 : decimals
        }
        return points <= 10_000 ? points : nil
    }
}

extension StripeSettings: CustomStringConvertible, CustomReflectable {
    /// Keys and secrets never get into a log, also not with the value that holds them.
    var description: String { "Stripe at \(base), \(isConfigured ? "configured" : "not configured")" }
    var customMirror: Mirror { Mirror(self, children: ["base": base]) }
}
