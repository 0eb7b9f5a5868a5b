public import Contracts
import Foundation
public import Logging
public import Postgres
public import Primitives
public import ServiceLifecycle

/// Carries events from the outbox to the service's Redis stream, and forgets a row when every reader has acknowledged it.
///
/// One relay works per service, whoever holds the advisory lock; the others wait for it.
public struct OutboxRelay: Service {
    private let service: ServiceName
    private let postgres: PostgresConfiguration
    private let redis: RedisConfiguration
    private let outbox: Outbox
    private let logger: Logger

    /// `postgres` is the service's `_worker` role.
    public init(
        service: ServiceName, postgres: PostgresConfiguration, redis: RedisConfiguration, outbox: Outbox, clock: WallClock, logger: Logger
    ) {
        self.service = service
        self.postgres = postgres
        self.redis = redis
        self.outbox = outbox
        self.logger = logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "outbox relay", logger: logger)
            while !Task.isCancelled {
                do {
                    try await work { outage.ended() }
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    /// Takes the lock and works until a line breaks.
    private func work(_ working: () -> Void) async throws {
        let connection = try await PostgresConnection.connect(postgres)
        let locked: Bool = try await connection.query(
            "select pg_try_advisory_lock(hashtextextended('outbox:' || \(service.rawValue), 0)) as locked")[0].decode("locked")
        guard locked else {
            await connection.close()
            working()
            try await Task.sleep(for: .seconds(1))
            return
        }
        let redis = try await RedisConnection.connect(redis)
        let session = RelaySession(service: service, postgres: connection, redis: redis)
        try await session.begin()
        var acknowledgedAt = ContinuousClock.now
        while !Task.isCancelled {
            let published = try await session.publish()
            working()
            if ContinuousClock.now - acknowledgedAt > .seconds(1) {
                try await session.acknowledge()
                acknowledgedAt = .now
            }
            if published == 0 {
                await outbox.wakeup.wait(atMost: .milliseconds(Int64.random(in: 190...310)))
            }
        }
        await redis.close()
        await connection.close()
    }
}
