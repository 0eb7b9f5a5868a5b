import Foundation
import Synchronization

/// How a part of the product fares.
enum ComponentStatus: String, Codable, Sendable {
    case operational
    case degraded
    case down
    /// Worked on, as was announced.
    case maintenance
    /// Not probed lately: never shown as working.
    case unknown

    /// From the last five samples, the newest last: three bad ones are an outage, one or two a disturbance, also when there are no five yet.
    static func of(_ samples: [Sample], now: Date) -> ComponentStatus {
        // A sample of the future was taken before the clock was set back: it is as old as nobody knows.
        guard let newest = samples.last, abs(now.timeIntervalSince(newest.at)) <= StatusBoard.staleness else { return .unknown }
        let recent = samples.suffix(5)
        let bad = recent.count { $0.health == .bad }
        if bad >= 3 { return .down }
        return bad > 0 || recent.contains { $0.health == .impaired } ? .degraded : .operational
    }

    func isWorse(than other: ComponentStatus) -> Bool { severity > other.severity }

    private var severity: Int {
        switch self {
        case .unknown: 0
        case .operational: 1
        case .maintenance: 2
        case .degraded: 3
        case .down: 4
        }
    }
}

/// One look at one part.
struct Sample: Codable, Sendable, Equatable {
    enum Health: String, Codable, Sendable {
        case good
        /// Works, but not all of it.
        case impaired
        case bad
    }

    let health: Health
    let latency: Duration
    let at: Date
}

/// The last samples of every part and the last known history, in memory: it answers while Postgres and Redis are away.
final class StatusBoard: Sendable {
    static let staleness: TimeInterval = 30
    /// Samples of an earlier process count among the last five if they are not older.
    static let memory: TimeInterval = 120

    private struct State: Sendable {
        var samples: [String: [Sample]] = [:]
        var history = StatusHistory()
    }

    private let state = Mutex(State())

    func add(_ sample: Sample, to component: String) {
        state.withLock { state in
            let samples = (state.samples[component] ?? []) + [sample]
            state.samples[component] = samples.suffix(5)
        }
    }

    /// Puts what an earlier process saw before what this one did.
    func restore(_ earlier: [String: [Sample]], now: Date) {
        state.withLock { state in
            for (component, samples) in earlier {
                let recent = samples.filter { abs(now.timeIntervalSince($0.at)) <= Self.memory }
                state.samples[component] = (recent + (state.samples[component] ?? [])).suffix(5)
            }
        }
    }

    func publish(_ history: StatusHistory) {
        state.withLock { $0.history = history }
    }

    struct Component: Encodable, Sendable, Equatable {
        let name: String
        let status: ComponentStatus
        let latencyMs: Int?
        let checkedAt: Date?
        /// Of the last 90 days; nil when nothing was counted.
        var uptimePercent: Double? = nil
    }

    var samples: [String: [Sample]] { state.withLock { $0.samples } }

    /// What the probes see, before what the staff says.
    func observed(now: Date) -> [(component: String, status: ComponentStatus)] {
        let state = state.withLock { $0 }
        return StatusPart.all.map { part in
            (part.name, state.history.observed(.of(state.samples[part.name] ?? [], now: now), of: part.name, now: now))
        }
    }

    /// Every part in a fixed order, also those never looked at.
    func components(now: Date) -> [Component] {
        snapshot(now: now).components
    }

    func snapshot(now: Date) -> StatusSnapshot {
        let state = state.withLock { $0 }
        let components = StatusPart.all.map { part in
            let samples = state.samples[part.name] ?? []
            return Component(
                name: part.name, status: state.history.shown(.of(samples, now: now), of: part.name, now: now),
                latencyMs: samples.last.map { Int($0.latency / .milliseconds(1)) }, checkedAt: samples.last?.at,
                uptimePercent: UptimeDay.percent(state.history.days[part.name] ?? []))
        }
        return StatusSnapshot(components: components, history: state.history, at: now)
    }
}
