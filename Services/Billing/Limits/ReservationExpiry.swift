import Logging
import Primitives
import ServiceLifecycle
import Streams

/// Gives back the places of things that were never made; every replica does it, and none needs to know of the others.
struct ReservationExpiry: Service {
    let limits: ResourceLimits
    let logger: Logger

    private static let batch = 500

    func run() async throws {
        await repeatWork(
            "expiry of reservations", logger: logger, rest: { try? await Task.sleep(for: .seconds(30)) },
            step: { try await limits.expire(limit: Self.batch) == Self.batch })
    }
}
