import CoreMetrics
import Synchronization

/// A number that only grows.
final class Count: CounterHandler, Series {
    let name: String
    let kind = "counter"
    private let dimensions: [(String, String)]
    private let value = Atomic<Int64>(0)

    init(name: String, dimensions: [(String, String)]) {
        self.name = name
        self.dimensions = dimensions
    }

    func increment(by amount: Int64) { value.add(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }
    func lines() -> String { "\(seriesName(name, dimensions)) \(value.load(ordering: .relaxed))\n" }
}

/// A number that goes up and down.
final class Gauge: MeterHandler, RecorderHandler, Series {
    let name: String
    let kind = "gauge"
    private let dimensions: [(String, String)]
    private let value = Mutex(0.0)

    init(name: String, dimensions: [(String, String)]) {
        self.name = name
        self.dimensions = dimensions
    }

    func set(_ new: Int64) { set(Double(new)) }
    func set(_ new: Double) { value.withLock { $0 = new } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ new: Int64) { set(Double(new)) }
    func record(_ new: Double) { set(new) }
    func lines() -> String { "\(seriesName(name, dimensions)) \(value.withLock { $0 })\n" }
}

/// How often a value fell below each bound; timers are in seconds.
final class Histogram: TimerHandler, RecorderHandler, Series {
    private struct State {
        var buckets = [Int64](repeating: 0, count: Histogram.bounds.count)
        var count: Int64 = 0
        var sum = 0.0
    }

    static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    let name: String
    let kind = "histogram"
    private let dimensions: [(String, String)]
    private let state = Mutex(State())

    init(name: String, dimensions: [(String, String)]) {
        self.name = name
        self.dimensions = dimensions
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            if let index = Self.bounds.firstIndex(where: { value <= $0 }) { state.buckets[index] += 1 }
            state.count += 1
            state.sum += value
        }
    }

    func lines() -> String {
        let (buckets, count, sum) = state.withLock { ($0.buckets, $0.count, $0.sum) }
        var text = ""
        var running: Int64 = 0
        for (bound, bucket) in zip(Self.bounds, buckets) {
            running += bucket
            text += "\(seriesName("\(name)_bucket", dimensions + [("le", "\(bound)")])) \(running)\n"
        }
        text += "\(seriesName("\(name)_bucket", dimensions + [("le", "+Inf")])) \(count)\n"
        text += "\(seriesName("\(name)_sum", dimensions)) \(sum)\n\(seriesName("\(name)_count", dimensions)) \(count)\n"
        return text
    }
}
