import Metrics

/// How often Stripe is asked what, what comes of it and how long it takes; see `/metrics`.
enum StripeMetrics {
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
