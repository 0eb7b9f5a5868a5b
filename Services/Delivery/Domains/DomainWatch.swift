import Contracts
import Foundation
import Logging
import Primitives
import ServiceLifecycle
import Streams

/// Looks at domains again when they are due, a few side by side; every replica takes what no other has.
struct DomainWatch: Service {
    private static let batch = 4

    let store: DomainStore
    let checks: DomainChecks
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await repeatWork("checking domains", logger: logger, rest: { try? await Task.sleep(for: .seconds(5)) }, step: { try await checkDue() })
    }

    /// False when none is due.
    func checkDue() async throws -> Bool {
        let due = try await store.takeDue(at: clock.now, limit: Self.batch)
        await withTaskGroup { group in
            for entry in due {
                group.addTask {
                    do {
                        try await checks.check(entry.domain, of: entry.tenant, actor: .system("delivery"))
                    } catch {
                        // It is due again in two minutes.
                        logger.warning("a domain was not checked", metadata: ["domain": "\(entry.domain.id)", "error": "\(error)"])
                    }
                }
            }
        }
        return !due.isEmpty
    }
}
