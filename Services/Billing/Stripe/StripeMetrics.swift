import Metrics
import Primitives

/// How often Stripe is asked what, what comes of it and how long it takes; see `/metrics`.
enum StripeMetrics {
    static let descriptions: [MetricDescription] = [
        .counter("stripe_calls_total", "operation", "outcome", help: "Calls of Stripe's API, their repetitions not counted."),
        .histogram("stripe_call_seconds", "operation", help: "One call of Stripe's API, its repetitions included."),
        .counter("stripe_retries_total", "operation", help: "Tries more, for calls that failed for a reason that passes."),
        .counter("stripe_webhooks_total", "endpoint", "outcome", help: "Webhooks that came in: new, repeated, or why they were not taken."),
        .counter("stripe_webhooks_odd_total", "endpoint", "note", help: "Webhooks that were taken although something is odd: api_version, livemode."),
        .counter("stripe_events_total", "outcome", help: "Events of Stripe's by what came of working on them."),
    ]

    /// One call has ended, all its tries included.
    static func count(_ operation: String, outcome: String, since start: ContinuousClock.Instant) {
        Counter(label: "stripe_calls_total", dimensions: [("operation", operation), ("outcome", outcome)]).increment()
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        Timer(label: "stripe_call_seconds", dimensions: [("operation", operation)])
            .recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    /// One try more, for the same call.
    static func countRetry(_ operation: String) {
        Counter(label: "stripe_retries_total", dimensions: [("operation", operation)]).increment()
    }
}
