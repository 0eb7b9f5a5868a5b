import Logging
import Primitives
import ServiceLifecycle
import Streams

/// Keeps exports going: one batch after another, of one company after another, and removes the files whose time is over.
struct TrailExportLoop: Service {
    let writer: TrailExportWriter
    let wakeup: Wakeup
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "trail exports", logger: logger)
            while !Task.isCancelled {
                do {
                    let worked = try await step()
                    outage.ended()
                    if !worked { await wakeup.wait(atMost: .seconds(1)) }
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    /// One piece of work; false when there is none.
    func step() async throws -> Bool {
        if try await writer.writeOnce() { return true }
        return try await writer.expireOnce()
    }
}
