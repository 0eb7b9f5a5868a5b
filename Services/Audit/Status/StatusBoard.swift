import Foundation
import Synchronization

/// How a part of the product fares.
enum ComponentStatus: String, Codable, Sendable {
    case operational
    case degraded
    case down
    /// Not probed lately: never shown as working.
    case unknown

    /// From the last five samples, the newest last: three bad ones are an outage, one or two a disturbance.
    static func of(_ samples: [Sample], now: Date) -> ComponentStatus {
        guard let newest = samples.last, now.timeIntervalSince(newest.at) <= StatusBoard.staleness else { return .unknown }
        let recent = samples.suffix(5)
        let bad = recent.count { $0.health == .bad }
        if bad >= 3 || (bad == recent.count && bad > 0) { return .down }
        return bad > 0 || recent.contains { $0.health == .impaired } ? .degraded : .operational
    }
}

/// One look at one part.
struct Sample: Sendable, Equatable {
    enum Health: Sendable {
        case good
        /// Works, but not all of it.
        case impaired
        case bad
    }

    let health: Health
    let latency: Duration
    let at: Date
}

/// The last samples of every part, in memory: it answers while Postgres and Redis are away.
final class StatusBoard: Sendable {
    static let staleness: TimeInterval = 30

    private let samples = Mutex<[String: [Sample]]>([:])

    func add(_ sample: Sample, to component: String) {
        samples.withLock { all in
            all[component, default: []].append(sample)
            all[component] = all[component]?.suffix(5)
        }
    }

    struct Component: Encodable, Sendable, Equatable {
        let name: String
        let status: ComponentStatus
        let latencyMs: Int?
        let checkedAt: Date?
    }

    /// Every part in a fixed order, also those never looked at.
    func components(now: Date) -> [Component] {
        let all = samples.withLock { $0 }
        return Probe.names.map { name in
            let samples = all[name] ?? []
            return Component(
                name: name, status: .of(samples, now: now), latencyMs: samples.last.map { Int($0.latency / .milliseconds(1)) },
                checkedAt: samples.last?.at)
        }
    }
}
