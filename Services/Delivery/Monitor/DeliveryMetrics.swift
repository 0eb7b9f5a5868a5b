import Metrics

/// How long each stage of a mail's way takes, and what comes of it; see `/metrics`.
struct DeliveryMetrics: Sendable {
    /// Taking planned mail in, one batch.
    let enqueue = Timer(label: "delivery_enqueue_seconds")
    /// One look of the dispatcher at a queue that claimed something.
    let claim = Timer(label: "delivery_claim_seconds")
    /// From the claim to the begin of the conversation with the server.
    let wait = Timer(label: "delivery_wait_seconds")
    /// Finding the keys of a mail's domain and signing with them, the wait for a processor included.
    let sign = Timer(label: "delivery_sign_seconds")
    /// The commit that says that the body is on its way.
    let mark = Timer(label: "delivery_mark_seconds")
    /// One mail's conversation with its server, the mark included.
    let send = Timer(label: "delivery_send_seconds")
    /// From the server's word to the commit of the outcome.
    let outcome = Timer(label: "delivery_outcome_seconds")
    /// Leases that ended before their work did.
    let leasesLost = Counter(label: "delivery_leases_lost_total")

    private let results = Dictionary(
        uniqueKeysWithValues: DeliveryResult.Kind.allCases.map {
            ($0, Counter(label: "delivery_results_total", dimensions: [("result", $0.rawValue)]))
        })

    /// One more result of this kind.
    func count(_ result: DeliveryResult) {
        results[result.kind]?.increment()
    }
}

extension Timer {
    /// Records how long `work` took, however it ended.
    func measure<Value>(isolation: isolated (any Actor)? = #isolation, _ work: () async throws -> Value) async rethrows -> Value {
        let start = ContinuousClock.now
        defer { record(since: start) }
        return try await work()
    }

    func record(since start: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
