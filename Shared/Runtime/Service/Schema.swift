import Logging
import Postgres
import ServiceLifecycle
import Streams
import Synchronization

/// A service's schema: brought to the state that the program expects before anything works in it.
final class Schema: Sendable {
    private let migrator: Migrator
    private let logger: Logger
    private let migrated = Mutex(false)

    init(_ migrator: Migrator, logger: Logger) {
        self.migrator = migrator
        self.logger = logger
    }

    var isCurrent: Bool { migrated.withLock { $0 } }

    /// Throws when the database is not there.
    func migrate() async throws(PostgresError) {
        try await migrator.run(logger: logger)
        migrated.withLock { $0 = true }
    }

    /// Tries until the database is there; false when the service ends before. Throws what no waiting mends.
    func migrateWhenPossible() async throws -> Bool {
        try await cancelWhenGracefulShutdown {
            var outage = Outage(what: "migrating", logger: self.logger)
            while !Task.isCancelled {
                do throws(PostgresError) {
                    try await self.migrate()
                    outage.ended()
                    return true
                } catch {
                    if Task.isCancelled { break }
                    guard error.isTransient else { throw error }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
            return false
        }
    }
}

/// Everything of a service that works in its database: begins when the schema is there.
struct DatabaseWork: Service {
    let schema: Schema
    let services: [any Service]
    let logger: Logger

    func run() async throws {
        guard try await schema.migrateWhenPossible() else { return }
        try await ServiceGroup(configuration: .init(services: services, logger: logger)).run()
    }
}
