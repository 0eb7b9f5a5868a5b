import CoreMetrics
public import Logging
public import Primitives
public import ServiceLifecycle

/// Looks at something that is counted nowhere else, again and again, and sets gauges by it.
///
/// A look that fails is counted and changes nothing: gauges then tell of the last one that did not. The next comes after 15 seconds at the latest.
public struct GaugeSampling: Service {
    public static let descriptions: [MetricDescription] = [
        .counter("gauge_samplings_total", "what", "outcome", help: "Looks at what gauges tell of: ok, or failed, which leaves them as they were.")
    ]

    private let what: String
    private let interval: Duration
    private let logger: Logger
    private let sample: @Sendable () async throws -> Void

    /// `what` is one word of the code's own; it becomes a label.
    public init(_ what: String, every interval: Duration, logger: Logger, sample: @escaping @Sendable () async throws -> Void) {
        self.what = what
        self.interval = interval
        self.logger = logger
        self.sample = sample
    }

    public func run() async throws {
        let good = Counter(label: "gauge_samplings_total", dimensions: [("what", what), ("outcome", "ok")])
        let bad = Counter(label: "gauge_samplings_total", dimensions: [("what", what), ("outcome", "failed")])
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var pause = interval
                do {
                    try await sample()
                    good.increment()
                } catch {
                    if Task.isCancelled { return }
                    bad.increment()
                    pause = min(interval, .seconds(15))
                    // Whatever is away, others say so.
                    logger.debug("gauges not set", metadata: ["what": "\(what)", "error": "\(error)"])
                }
                try? await Task.sleep(for: pause)
            }
        }
    }
}
