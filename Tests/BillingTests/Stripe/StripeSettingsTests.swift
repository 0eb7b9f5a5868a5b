import Configuration
import Foundation
import ServiceRuntime
import TestSupport
import Testing

@testable import Billing

@Suite("Settings of Stripe")
struct StripeSettingsTests {
    private static let good = StripeFixture.configuration(base: StripeSettings.liveBase)

    private func settings(_ changes: [String: String]) throws -> StripeSettings {
        let values = Self.good.merging(changes) { $1 }.map { (AbsoluteConfigKey(ConfigKey($0)), ConfigValue(stringLiteral: $1)) }
        let reader = ConfigReader(provider: InMemoryProvider(values: Dictionary(uniqueKeysWithValues: values)))
        return try StripeSettings(try Settings(reader, keys: BillingService.keys))
    }

    /// What keeps a service with these settings from starting.
    private func problems(_ changes: [String: String]) throws -> [String] {
        do {
            _ = try settings(changes)
            return []
        } catch let error as SettingsError {
            return error.problems
        }
    }

    @Test("without a key nothing is asked for, and nothing is sent")
    func notConfigured() async throws {
        let fixture = try await StripeFixture.make(base: nil)
        #expect(!fixture.client.isConfigured)
        #expect(await fixture.failure { try await fixture.customer() }?.kind == .notConfigured)
        #expect(await fixture.failure { try await fixture.client.read(StripeCustomer.self, "/v1/customers/cus_1") }?.kind == .notConfigured)
        #expect(try await fixture.frozen("customer") == nil)
        #expect(try await BillingService(fixture.house.house).stripe.isConfigured == false)
    }

    @Test(
        "with a key each endpoint must have a secret",
        arguments: ["stripe.webhook.secret", "stripe.connect.webhook.secret"], ["", " ", " , "])
    func secrets(name: String, value: String) throws {
        let problems = try problems([name: value])
        #expect(problems.count == 1 && problems[0].hasPrefix(name))
    }

    @Test(
        "a key goes to Stripe only, but for a test key that may go to this machine",
        arguments: [
            ("https://api.stripe.com", "sk_live_x", true), ("http://127.0.0.1:12111", "sk_test_x", true), ("http://localhost:1", "rk_test_x", true),
            ("http://[::1]:12111", "sk_test_x", true), ("http://127.0.0.1:12111", "sk_live_x", false),
            ("http://127.0.0.1:12111/", "sk_test_x", false),
            ("https://127.0.0.1:12111", "sk_test_x", false), ("http://api.stripe.com", "sk_test_x", false),
            ("https://stripe.example.com", "sk_test_x", false), ("https://api.stripe.com.example.com", "sk_live_x", false),
            ("http://127.0.0.1@evil.example.com", "sk_test_x", false), ("http://10.0.0.1:12111", "sk_test_x", false),
            ("http://127.0.0.1:12111?x", "sk_test_x", false), ("stripe", "sk_test_x", false),
        ])
    func base(base: String, key: String, isGood: Bool) throws {
        let publishable = key.contains("live") ? "pk_live_x" : "pk_test_x"
        let problems = try problems(["stripe.api.base": base, "stripe.secret.key": key, "stripe.publishable.key": publishable])
        #expect(problems.isEmpty == isGood && problems.allSatisfy { $0.hasPrefix("stripe.api.base") })
    }

    @Test("keys are of the kind that is asked for, and of one mode")
    func keys() throws {
        #expect(try problems(["stripe.secret.key": "pk_test_x"]).contains { $0.hasPrefix("stripe.secret.key") })
        #expect(try problems(["stripe.secret.key": "sk_test_"]).contains { $0.hasPrefix("stripe.secret.key") })
        #expect(try problems(["stripe.publishable.key": "pk_live_x"]).contains { $0.hasPrefix("stripe.publishable.key") })
        #expect(try problems(["stripe.publishable.key": "sk_test_x"]).contains { $0.hasPrefix("stripe.publishable.key") })
        #expect(try problems(["stripe.publishable.key": ""]) == [])
    }

    @Test(
        "our part of a payment is counted in whole numbers and rounded down",
        arguments: [
            ("0", 9_999, 0), ("10", 999, 99), ("2.5", 1_000, 25), ("2.55", 1_000, 25), ("0.01", 9_999, 0), ("0.01", 10_000, 1), ("100", 7, 7),
            ("100.00", .max, .max), ("12.34", 9_007_199_254_740_993, 1_111_488_388_035_038),
        ] as [(String, Int64, Int64)])
    func fee(percent: String, amount: Int64, expected: Int64) throws {
        #expect(try settings(["stripe.connect.application.fee.percent": percent]).applicationFee(of: amount) == expected)
    }

    @Test(
        "a percentage that would have to be rounded, or is none, is refused",
        arguments: ["101", "100.01", "2.555", "-1", "1e1", "ten", ".5", "5.", "1,5"])
    func badPercent(percent: String) throws {
        let problems = try problems(["stripe.connect.application.fee.percent": percent])
        #expect(problems.count == 1 && problems[0].hasPrefix("stripe.connect.application.fee.percent"))
    }

    @Test("several secrets are one after another, and no secret is in what is printed")
    func printing() async throws {
        let settings = try settings(["stripe.webhook.secret": "whsec_a, whsec_b,"])
        #expect(settings.webhookSecrets == ["whsec_a", "whsec_b"])
        var dumped = ""
        dump(settings, to: &dumped)
        let fixture = try await StripeFixture.make(base: "http://127.0.0.1:1")
        let printed = "\(settings) \(String(reflecting: settings)) \(dumped) \(String(reflecting: fixture.client))"
        for secret in ["whsec_", StripeDouble.secretKey] { #expect(!printed.contains(secret)) }
    }
}
