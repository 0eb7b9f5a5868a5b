import CoreMetrics
import Foundation
import Primitives
import Synchronization

/// Keeps every metric of the process and writes them in Prometheus' text format.
final class MetricsRegistry: MetricsFactory, Sendable {
    private struct Key: Hashable {
        let label: String
        let dimensions: [String]
    }

    private let series = Mutex<[Key: any Series]>([:])
    private let catalogue: [String: MetricDescription]

    /// What is in the catalogue is told also while there is no series of it.
    init(_ catalogue: [MetricDescription] = []) {
        self.catalogue = Dictionary(catalogue.map { ($0.name, $0) }) { first, _ in first }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        find(label, dimensions) { Count(name: $0, dimensions: dimensions) }
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        find(label, dimensions) { Gauge(name: $0, dimensions: dimensions) }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate {
            return find(label, dimensions) { Histogram(name: $0, dimensions: dimensions) }
        }
        return find(label, dimensions) { Gauge(name: $0, dimensions: dimensions) }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        find(label, dimensions) { Histogram(name: $0, dimensions: dimensions) }
    }

    // A series lives as long as the process: scrapers expect counters to go on.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    /// Prometheus' text exposition format, version 0.0.4.
    func exposition() -> String {
        let all = series.withLock { Array($0.values) }
        let families = Dictionary(grouping: all) { $0.name }
        return Set(families.keys).union(catalogue.keys).sorted().map { name in
            let members = families[name] ?? []
            let help = catalogue[name].map { "# HELP \(name) \($0.help)\n" } ?? ""
            let kind = members.first?.kind ?? catalogue[name]?.kind.rawValue ?? "untyped"
            // A counter that begins with its first event would hide that one from whoever asks how much it grew.
            let zero = members.isEmpty && catalogue[name].map { $0.kind == .counter && $0.labels.isEmpty } == true ? "\(name) 0\n" : ""
            return help + "# TYPE \(name) \(kind)\n" + zero + members.map { $0.lines() }.sorted().joined()
        }.joined()
    }

    private func find<Metric: Series>(_ label: String, _ dimensions: [(String, String)], make: (String) -> Metric) -> Metric {
        let key = Key(label: label, dimensions: dimensions.map { "\($0.0)=\($0.1)" }.sorted())
        return series.withLock { known in
            if let metric = known[key] as? Metric { return metric }
            // Libraries label with dots, which Prometheus does not take.
            let metric = make(String(label.map { $0.isLetter || $0.isNumber ? $0 : "_" }))
            known[key] = metric
            return metric
        }
    }
}

/// One line, or one histogram, of the exposition.
protocol Series: AnyObject, Sendable {
    var name: String { get }
    var kind: String { get }
    func lines() -> String
}

/// `name{a="b",c="d"}` with the characters that the format gives a meaning escaped.
func seriesName(_ name: String, _ dimensions: [(String, String)]) -> String {
    guard !dimensions.isEmpty else { return name }
    let pairs = dimensions.map { key, value in
        let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        return "\(key)=\"\(escaped)\""
    }
    return "\(name){\(pairs.joined(separator: ","))}"
}
