import Metrics
public import Primitives

/// What the outbox and the readers of events tell of themselves.
public enum StreamMetrics {
    public static let descriptions: [MetricDescription] = [
        .counter("outbox_published_total", help: "Events that went from the outbox to the stream."),
        .histogram(
            "outbox_publish_delay_seconds", help: "From an event's instant to its publication, of the oldest in each batch."),
        .counter("events_received_total", "source", help: "Events of another service that had their effect, or had it before."),
        .histogram(
            "events_delay_seconds", "source", help: "From an event's instant to the commit of its effect here, of the oldest in each batch."),
        .counter("events_quarantined_total", "source", help: "Events that this service could not take in; they lie in quarantined_events."),
    ]
}

/// Counts what a relay publishes.
struct OutboxMetrics: Sendable {
    private let published = Counter(label: "outbox_published_total")
    private let delay = Timer(label: "outbox_publish_delay_seconds")

    /// `seconds`: the age of the oldest.
    func published(_ count: Int, after seconds: Double?) {
        published.increment(by: count)
        if let seconds { delay.recordSeconds(max(0, seconds)) }
    }
}

/// Counts what a reader takes in.
struct IntakeMetrics: Sendable {
    private let received: Counter
    private let delay: Timer
    private let quarantined: Counter

    init(source: String) {
        let labels = [("source", source)]
        received = Counter(label: "events_received_total", dimensions: labels)
        delay = Timer(label: "events_delay_seconds", dimensions: labels)
        quarantined = Counter(label: "events_quarantined_total", dimensions: labels)
    }

    /// `seconds`: the age of the oldest.
    func received(_ count: Int, after seconds: Double) {
        received.increment(by: count)
        delay.recordSeconds(max(0, seconds))
    }

    func quarantine() {
        quarantined.increment()
    }
}
