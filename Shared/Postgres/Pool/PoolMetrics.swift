import Metrics
public import Primitives

/// How a pool is used, by role; pools of one role in one process are counted together.
public struct PoolMetrics {
    public static let descriptions: [MetricDescription] = [
        .gauge(
            "postgres_pool_connections", "role", "state",
            help: "Connections that are open: leased (in use or being opened) and idle."),
        .gauge("postgres_pool_limit_connections", "role", help: "How many connections there may be."),
        .gauge("postgres_pool_waiting", "role", help: "Who waits for a connection now."),
        .histogram("postgres_pool_wait_seconds", "role", help: "How long those waited for a connection who had to; who had not is not counted."),
        .counter("postgres_pool_exhausted_total", "role", help: "Waits for a connection that ended without one."),
    ]

    private let exhausted: Counter
    private let leased: Meter
    private let idle: Meter
    private let waiting: Meter
    private let wait: Timer
    /// What of the gauges is this pool's: others of its role add theirs.
    private var shown = [0, 0, 0]

    init(role: String, limit: Int) {
        exhausted = Counter(label: "postgres_pool_exhausted_total", dimensions: [("role", role)])
        leased = Meter(label: "postgres_pool_connections", dimensions: [("role", role), ("state", "leased")])
        idle = Meter(label: "postgres_pool_connections", dimensions: [("role", role), ("state", "idle")])
        waiting = Meter(label: "postgres_pool_waiting", dimensions: [("role", role)])
        wait = Timer(label: "postgres_pool_wait_seconds", dimensions: [("role", role)])
        Meter(label: "postgres_pool_limit_connections", dimensions: [("role", role)]).increment(by: Double(limit))
    }

    /// Called by the pool after each change.
    mutating func show(_ state: PoolState) {
        let now = [state.leased.count + state.connecting, state.idle.count, state.waiters.count]
        for (index, meter) in [leased, idle, waiting].enumerated() where now[index] != shown[index] {
            meter.increment(by: Double(now[index] - shown[index]))
        }
        shown = now
    }

    func gaveUp() {
        exhausted.increment()
    }

    func waited(since start: ContinuousClock.Instant) {
        wait.record(duration: .now - start)
    }
}
