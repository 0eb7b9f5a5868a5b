import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Writes what came in twice a second: a process that is killed loses at most what came since, which is less than a second of it.
struct TrackingIntake: Service {
    static let period = Duration.milliseconds(500)

    let buffer: HitBuffer
    let database: Database
    let logger: Logger

    func run() async throws {
        await repeatWork(
            "storing what was noticed of mails", logger: logger, rest: { try? await Task.sleep(for: Self.period) },
            step: {
                try await flush()
                return false
            })
        // The listeners have drained: this is the last of it.
        do {
            try await flush()
        } catch {
            logger.warning("what was noticed of mails at the end is lost", metadata: ["error": "\(error)"])
        }
    }

    /// While the database is away, what came waits in memory, as far as there is room.
    func flush() async throws {
        let batch = buffer.take()
        guard !batch.isEmpty else { return }
        do {
            try await TrackingStore.insert(batch, in: database)
        } catch {
            buffer.putBack(batch)
            throw error
        }
    }
}
