import CoreMetrics
import Foundation
import Primitives
import Testing

@testable import ServiceRuntime

@Suite("What is counted")
struct MetricsCatalogueTests {
    @Test("a metric is told of with help before anything was counted")
    func empty() {
        let registry = MetricsRegistry([.counter("mails_total", "state", help: "Mails.")])
        #expect(registry.exposition() == "# HELP mails_total Mails.\n# TYPE mails_total counter\n")
        registry.makeCounter(label: "mails_total", dimensions: [("state", "sent")]).increment(by: 1)
        #expect(registry.exposition() == "# HELP mails_total Mails.\n# TYPE mails_total counter\nmails_total{state=\"sent\"} 1\n")
    }

    @Test("a counter without labels begins at 0, so that its first event is seen to be one more")
    func zero() {
        let registry = MetricsRegistry([.counter("alarms_total", help: "Alarms."), .gauge("depth", help: "Depth.")])
        #expect(registry.exposition().contains("# TYPE alarms_total counter\nalarms_total 0\n"))
        #expect(registry.exposition().hasSuffix("# TYPE depth gauge\n"))
        registry.makeCounter(label: "alarms_total", dimensions: []).increment(by: 1)
        #expect(registry.exposition().contains("# TYPE alarms_total counter\nalarms_total 1\n"))
    }

    @Test("names follow Prometheus' conventions: counters end in _total, durations are in seconds, nothing is named by a tenant")
    func names() {
        let all = MetricCatalogue.house + ProcessMetrics.descriptions
        #expect(Set(all.map(\.name)).count == all.count)
        for metric in all {
            #expect(metric.name.wholeMatch(of: /[a-z][a-z0-9_]*/) != nil, "\(metric.name)")
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            #expect(metric.kind != .histogram || metric.name.hasSuffix("_seconds"), "\(metric.name)")
            #expect(!metric.help.isEmpty && !metric.help.contains("\n"), "\(metric.name)")
            #expect(Set(metric.labels).isDisjoint(with: ["le", "tenant", "tenant_id", "path", "user"]), "\(metric.name)")
        }
    }

    @Test("requests are counted by their route's template, and what nobody knows as a method is one method")
    func requests() {
        let registry = MetricsRegistry()
        let metrics = RequestMetrics(factory: registry)
        metrics.began(.get)
        metrics.ended(.get, "/api/v1/leads/{lead}", 200, in: .milliseconds(3))
        metrics.began(.init("BREW")!)
        metrics.began(.init("BREWER")!)
        metrics.ended(.init("BREW")!, "none", 404, in: .milliseconds(1))
        let text = registry.exposition()
        #expect(text.contains(#"http_server_requests_total{method="GET",route="/api/v1/leads/{lead}",status="200"} 1"#))
        #expect(text.contains(#"http_server_requests_total{method="other",route="none",status="404"} 1"#))
        #expect(text.contains(#"http_server_active_requests{method="GET"} 0.0"#))
        #expect(text.contains(#"http_server_active_requests{method="other"} 1.0"#))
        #expect(text.contains(#"http_server_request_duration_seconds_bucket{method="GET",route="/api/v1/leads/{lead}",le="0.005"} 1"#))
        #expect(!text.contains("BREW"))
    }

    @Test("the kernel's figures of a process are read from proc(5), whatever the process is called")
    func process() {
        let fields = (1...50).map { String($0 * 100) }
        let stat = "42 (a) b (c) S " + fields.joined(separator: " ")
        let values = ProcessMetrics.values(stat: stat, machine: "cpu 1 2\nbtime 1000\nprocesses 3\n", ticks: 100, page: 4_096)
        // The state is the first field behind the name; utime and stime are the 12th and 13th.
        #expect(values["process_cpu_seconds_total"] == 23.0)
        #expect(values["process_threads"] == 1_700.0)
        #expect(values["process_resident_memory_bytes"] == 8_601_600.0)
        #expect(values["process_start_time_seconds"] == 1_019.0)
        #expect(ProcessMetrics.values(stat: "nonsense", machine: "", ticks: 100, page: 4_096).isEmpty)
        #expect(ProcessMetrics.exposition().contains("\nprocess_threads "))
    }
}
