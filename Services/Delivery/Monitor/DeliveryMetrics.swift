import Metrics
import Primitives

/// How long each stage of a mail's way takes, and what comes of it; see `/metrics`.
struct DeliveryMetrics: Sendable {
    static let descriptions: [MetricDescription] = [
        .histogram("delivery_enqueue_seconds", help: "Taking planned mail in, one batch."),
        .histogram("delivery_claim_seconds", help: "One look of the dispatcher at a queue that claimed something."),
        .histogram("delivery_wait_seconds", help: "From the claim of a mail to the begin of its conversation with the server."),
        .histogram("delivery_sign_seconds", help: "Finding the keys of a mail's domain and signing with them, the wait for a processor included."),
        .histogram("delivery_mark_seconds", help: "The commit that says that a mail's body is on its way."),
        .histogram("delivery_send_seconds", help: "One mail's conversation with its server, the mark included."),
        .histogram("delivery_outcome_seconds", help: "From the server's word to the commit of the outcome."),
        .counter("delivery_leases_lost_total", help: "Leases that ended before their work did."),
        .counter(
            "delivery_results_total", "result",
            help: "Tries of mails: accepted, refused, deferred, ambiguous, unreachable, postponed, mailbox_refused, handed_back."),
        .counter("delivery_planned_total", "outcome", help: "Mails handed over: new, known (had before), suppressed (goes to nobody)."),
        .counter("delivery_jobs_total", "kind", "result", help: "Jobs other than mail by what came of a try: done, snooze, retry, dead."),
        .histogram("delivery_job_seconds", "kind", help: "One try of a job other than mail."),
        .counter("delivery_tracking_dropped_total", help: "Opens and clicks that were not counted because too many came at once."),
        .counter("delivery_tls_sessions_uncounted_total", help: "TLS sessions that no report will tell of because too many hosts came at once."),
        .counter("webhook_attempts_total", "outcome", help: "Tries of outgoing webhooks by what came of them."),
    ]

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

    private let planned = Memo<String, Counter> { Counter(label: "delivery_planned_total", dimensions: [("outcome", $0)]) }
    private let results = Dictionary(
        uniqueKeysWithValues: DeliveryResult.Kind.allCases.map {
            ($0, Counter(label: "delivery_results_total", dimensions: [("result", $0.rawValue)]))
        })

    /// A batch was taken in.
    func planned(new: Int, known: Int, suppressed: Int) {
        for (outcome, number) in [("new", new), ("known", known), ("suppressed", suppressed)] where number > 0 {
            planned[outcome].increment(by: number)
        }
    }

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

/// What becomes of jobs other than mail, by kind: only kinds that somebody handles here.
struct JobMetrics: Sendable {
    private struct Key: Hashable {
        let kind: String
        let result: String
    }

    private let results = Memo<Key, Counter> { Counter(label: "delivery_jobs_total", dimensions: [("kind", $0.kind), ("result", $0.result)]) }
    private let durations = Memo<String, Timer> { Timer(label: "delivery_job_seconds", dimensions: [("kind", $0)]) }

    func count(_ kind: String, _ result: JobResult, since start: ContinuousClock.Instant) {
        let word =
            switch result {
            case .done: "done"
            case .snooze: "snooze"
            case .retry: "retry"
            case .dead: "dead"
            }
        results[Key(kind: kind, result: word)].increment()
        durations[kind].record(since: start)
    }
}
