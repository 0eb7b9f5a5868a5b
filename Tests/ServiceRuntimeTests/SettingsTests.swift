import Configuration
import CoreMetrics
import Foundation
import Testing

@testable import ServiceRuntime

@Suite("Settings")
struct SettingsTests {
    private static let keys = [
        ConfigurationKey("a.needed", "First."), ConfigurationKey("b.needed", "Second.", isSecret: true),
        ConfigurationKey("c.optional", "Third.", default: "7"),
    ]

    @Test("everything that is missing is named at once, as it stands in the environment")
    func missing() throws {
        let error = #expect(throws: SettingsError.self) {
            try Settings(ConfigReader(provider: InMemoryProvider(values: [:])), keys: Self.keys)
        }
        #expect(error?.problems == ["A_NEEDED is missing: First.", "B_NEEDED is missing: Second."])
    }

    @Test("values come from the environment, defaults fill in, numbers are checked")
    func values() throws {
        let reader = ConfigReader(
            provider: EnvironmentVariablesProvider(environmentVariables: ["A_NEEDED": "x", "B_NEEDED": "700"]))
        let settings = try Settings(reader, keys: Self.keys)
        #expect(settings["a.needed"] == "x")
        #expect(try settings.integer("c.optional", in: 1...10) == 7)
        #expect(throws: SettingsError.self) { try settings.integer("b.needed", in: 1...10) }
        #expect(throws: SettingsError.self) { try settings.integer("a.needed", in: 1...10) }
    }
}

@Suite("Metrics")
struct MetricsTests {
    @Test("what is counted is exposed in Prometheus' text format")
    func exposition() {
        let registry = MetricsRegistry()
        let counter = registry.makeCounter(label: "mails_total", dimensions: [("state", "a\"b")])
        counter.increment(by: 2)
        registry.makeCounter(label: "mails_total", dimensions: [("state", "a\"b")]).increment(by: 1)
        registry.makeTimer(label: "seconds", dimensions: []).recordNanoseconds(2_000_000)
        registry.makeMeter(label: "depth", dimensions: []).set(4.0)
        let text = registry.exposition()
        #expect(text.contains("# TYPE mails_total counter\nmails_total{state=\"a\\\"b\"} 3\n"))
        #expect(text.contains("# TYPE depth gauge\ndepth 4.0\n"))
        #expect(text.contains("seconds_bucket{le=\"0.001\"} 0\n"))
        #expect(text.contains("seconds_bucket{le=\"0.0025\"} 1\n"))
        #expect(text.contains("seconds_bucket{le=\"+Inf\"} 1\n"))
        #expect(text.contains("seconds_count 1\n"))
    }
}
