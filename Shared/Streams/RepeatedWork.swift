public import Logging
import ServiceLifecycle

/// Does pieces of work until the service ends: the next at once while there is work, after a rest when there was none, and after an outage's
/// pause when one failed.
///
/// `step` does one piece and says whether there may be more; `rest` waits for a signal or a while. A graceful end cancels both.
public func repeatWork(
    _ what: String, logger: Logger, rest: @escaping @Sendable () async -> Void, step: @escaping @Sendable () async throws -> Bool
) async {
    await cancelWhenGracefulShutdown {
        var outage = Outage(what: what, logger: logger)
        while !Task.isCancelled {
            do {
                let worked = try await step()
                outage.ended()
                if !worked { await rest() }
            } catch {
                if Task.isCancelled { return }
                try? await Task.sleep(for: outage.pause(after: error))
            }
        }
    }
}
