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

    @Test("a folder of files, as secrets are mounted, gives what the environment does not, without the line end")
    func folder() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "penguin-settings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, value) in ["a-needed": "from the file\n", "b-needed": "secret\n"] {
            try Data(value.utf8).write(to: folder.appending(path: name))
        }
        let reader = try await SettingsSource.reader(environment: ["A_NEEDED": "from the environment", "SETTINGS_FOLDER": folder.path()])
        let settings = try Settings(reader, keys: Self.keys)
        #expect(settings["a.needed"] == "from the environment")
        #expect(settings["b.needed"] == "secret")
    }

    @Test("a folder that is not there is said, instead of every setting that would stand in it")
    func noFolder() async {
        let error = await #expect(throws: SettingsError.self) {
            _ = try await SettingsSource.reader(environment: ["SETTINGS_FOLDER": "/nowhere/at/all"])
        }
        #expect(error?.problems == ["SETTINGS_FOLDER: cannot read the folder /nowhere/at/all"])
    }

    @Test("a machine without time zones is told to install them")
    func timeZones() throws {
        try TimeZones.check()
        // None, and what a program linked in the wrong way gets for every name.
        for answer in [nil, TimeZone.gmt] {
            do throws(SettingsError) {
                try TimeZones.check { _ in answer }
                Issue.record("\(answer.map { $0.identifier } ?? "none") passed for a table of time zones")
            } catch {
                #expect(error.problems.count == 1)
            }
        }
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
