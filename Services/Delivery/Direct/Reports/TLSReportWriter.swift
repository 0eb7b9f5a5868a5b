import Foundation
import Logging
import ServiceLifecycle
import Streams

/// Writes counts of sessions every few seconds; a process that is killed loses at most what came since.
struct TLSReportWriter: Service {
    static let period = Duration.seconds(2)

    let counts: TLSReportCounts
    let store: TLSReportStore
    let logger: Logger

    func run() async throws {
        await repeatWork(
            "storing counts of TLS sessions", logger: logger, rest: { try? await Task.sleep(for: Self.period) },
            step: {
                try await flush()
                return false
            })
        do {
            try await flush()
        } catch {
            logger.warning("counts of TLS sessions at the end are lost", metadata: ["error": "\(error)"])
        }
    }

    func flush() async throws {
        let batch = counts.take()
        guard !batch.isEmpty else { return }
        do {
            try await store.add(batch)
        } catch {
            counts.putBack(batch)
            throw error
        }
    }
}
