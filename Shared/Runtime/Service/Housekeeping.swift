import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle

/// Removes stored answers that nobody may ask for any more, a few thousand at a time.
struct Housekeeping: Service {
    let database: Database
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    while try await prune() {}
                } catch {
                    logger.warning("could not prune stored answers", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(3_600))
            }
        }
    }

    /// True when there may be more.
    private func prune() async throws -> Bool {
        let cut = clock.now.addingTimeInterval(-86_400)
        let rows = try await database.query(
            """
            delete from idempotency_keys where (tenant_id, route, key) in (
                select tenant_id, route, key from idempotency_keys where created_at < \(cut) order by created_at limit 5000)
            """)
        return rows.affected == 5_000
    }
}
