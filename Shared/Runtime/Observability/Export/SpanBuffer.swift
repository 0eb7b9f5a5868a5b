import Metrics
import Primitives
import Synchronization

/// Where steps of traces wait to be sent: takes at most so many, drops what comes beyond, and never holds anybody up.
final class SpanBuffer: Sendable {
    static let descriptions: [MetricDescription] = [
        .counter("trace_spans_total", "outcome", help: "Steps of traces: exported, dropped (too many waited), lost (the receiver did not take them).")
    ]

    private let limit: Int
    private let waiting = Mutex<[Span]>([])
    private let enough: Int
    private let wakeup: Wakeup
    private let dropped: Counter

    /// `enough`: that many wake whoever sends them.
    init(limit: Int = 8_192, enough: Int = 512, wakeup: Wakeup) {
        self.limit = limit
        self.enough = enough
        self.wakeup = wakeup
        dropped = Counter(label: "trace_spans_total", dimensions: [("outcome", "dropped")])
    }

    func keep(_ span: Span) {
        let count = waiting.withLock { waiting -> Int? in
            guard waiting.count < limit else { return nil }
            waiting.append(span)
            return waiting.count
        }
        guard let count else { return dropped.increment() }
        if count == enough { wakeup.signal() }
    }

    /// The oldest, at most so many.
    func take(_ most: Int) -> [Span] {
        waiting.withLock { waiting in
            let taken = Array(waiting.prefix(most))
            waiting.removeFirst(taken.count)
            return taken
        }
    }
}
