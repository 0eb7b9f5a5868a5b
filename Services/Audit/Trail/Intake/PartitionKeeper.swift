import Foundation
import Logging
import Metrics
import Postgres
import Primitives
import ServiceLifecycle

/// Keeps the trail's months three ahead, says loudly when an entry fell where no month was made, and counts what waits in quarantine.
struct PartitionKeeper: Service {
    let database: Database
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await step()
                } catch {
                    if Task.isCancelled { return }
                    logger.error("partitions of the trail were not made", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(600))
            }
        }
    }

    /// Makes what is missing of this month and the three behind it; how many entries stand in no month.
    @discardableResult
    func step() async throws -> Int {
        try await database.query("select trail_make_partitions(\(TrailTime(clock.now).month)::date, 4) as made")
        let unplaced: Int = try await database.query("select trail_unplaced() as unplaced")[0].decode("unplaced")
        Gauge(label: "trail_unplaced_events").record(unplaced)
        let waiting: Int = try await database.query("select count(*) as waiting from quarantined_events")[0].decode("waiting")
        Gauge(label: "audit_quarantined_events").record(waiting)
        if unplaced > 0 { logger.error("entries of the trail stand in a default partition", metadata: ["count": "\(unplaced)"]) }
        return unplaced
    }
}
