import AsyncHTTPClient
import Synchronization

/// Looks at a part with a deadline: a look that takes longer is a failed one, and the next round does not wait for it.
///
/// Some looks cannot be broken off, such as a database driver's that waits for its server. They are left behind; one may hang beside the one that
/// looks, so that a single dead line does not blind for as long as it hangs. While two hang, a round is a failed one without another try.
final class BoundedLook: Sendable {
    static let maximumHanging = 2

    struct Finding: Sendable, Equatable {
        let health: Sample.Health
        let latency: Duration
    }

    private let probe: Probe
    private let deadline: Duration
    /// Looks that have begun and not ended.
    private let running = Mutex(0)

    init(_ probe: Probe, deadline: Duration) {
        self.probe = probe
        self.deadline = deadline
    }

    /// Nil when nothing can be said of the part.
    func look(_ client: HTTPClient) async -> Finding? {
        guard begin() else { return probe.failure().map { Finding(health: $0, latency: deadline) } }
        let start = ContinuousClock.now
        let (findings, finding) = AsyncStream.makeStream(of: Sample.Health?.self)
        let look = Task {
            finding.yield(await outcome(client))
            finding.finish()
        }
        let timer = Task {
            try? await Task.sleep(for: deadline)
            finding.finish()
        }
        var iterator = findings.makeAsyncIterator()
        let first: Sample.Health?? = await iterator.next()
        look.cancel()
        timer.cancel()
        let latency = ContinuousClock.now - start
        let health: Sample.Health? = if let first { first } else { probe.failure() }
        return health.map { Finding(health: $0, latency: latency) }
    }

    private func outcome(_ client: HTTPClient) async -> Sample.Health? {
        defer { end() }
        do {
            return try await probe.look(client)
        } catch {
            return probe.failure()
        }
    }

    private func begin() -> Bool {
        running.withLock { running in
            guard running < Self.maximumHanging else { return false }
            running += 1
            return true
        }
    }

    private func end() {
        running.withLock { $0 -= 1 }
    }
}
