import Logging
import Primitives
import ServiceLifecycle
import Streams

/// Keeps exports going: one batch after another, of one company after another, and removes the files whose week is over.
struct LeadExportLoop: Service {
    let writer: LeadExportWriter
    let wakeup: Wakeup
    let logger: Logger

    func run() async throws {
        await repeatWork("lead exports", logger: logger, rest: { await wakeup.wait(atMost: .seconds(1)) }, step: step)
    }

    /// One piece of work; false when there is none.
    func step() async throws -> Bool {
        if try await writer.writeOnce() { return true }
        return try await writer.expireOnce()
    }
}
