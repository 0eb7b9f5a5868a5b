import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Synchronization
import TestSupport

@testable import Streams

/// Auth as the teller and Billing as the listener, among Auth's others, on a real Redis and Postgres.
struct StreamsFixture: Sendable {
    let teller: Database
    let tellerConfiguration: PostgresConfiguration
    let listener: Database
    let redis: TestRedis
    let outbox = Outbox()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func make() async throws -> StreamsFixture {
        let database = try await TestPostgres.shared.database()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        for service in [ServiceName.auth, .billing, .audit] {
            try await Migrator(database.configuration(role: "\(service.rawValue)_owner"), migrations: [HouseTables.migration(for: service)])
                .run(logger: logger)
        }
        let configuration = database.configuration(role: "auth_worker")
        return StreamsFixture(
            teller: Database(configuration), tellerConfiguration: configuration, listener: Database(database.configuration(role: "billing_worker")),
            redis: try await TestRedis.start())
    }

    func relay() -> OutboxRelay {
        OutboxRelay(
            service: .auth, postgres: tellerConfiguration, redis: redis.configuration, outbox: outbox, clock: .system, logger: logger)
    }

    /// A listener that notes what it was given; the effect happens in its own tables with the event's name as text.
    func consumer(_ heard: Heard, instance: String = "1") -> EventConsumer {
        EventConsumer(
            reader: .billing, source: .auth, instance: instance, database: listener, redis: redis.configuration, logger: logger
        ) { events, _ in try heard.take(events) }
    }

    /// Tells of `count` tenants, in one transaction.
    @discardableResult
    func tell(_ count: Int, from first: Int = 0) async throws -> [String] {
        let names = (first..<first + count).map { "tenant \($0)" }
        let events = try names.map { name in
            try PendingEvent(
                AuthEvents.TenantCreated(tenant: TenantID(UUID()), name: name), at: Date(), tenant: nil, actor: .system("auth"))
        }
        try await teller.transaction { try await outbox.append(events, in: $0) }
        outbox.wake()
        return names
    }

    func waitingRows() async throws -> Int {
        try await teller.query("select count(*) as n from outbox")[0].decode("n")
    }

    /// Acknowledges everything for the readers that this test does not run.
    func acknowledgeForOthers() async throws {
        let connection = try await RedisConnection.connect(redis.configuration)
        for reader in ServiceName.auth.subscribers.map(\.rawValue) where reader != "billing" {
            let answer = try await connection.command(["XREADGROUP", "GROUP", reader, "test", "COUNT", "10000", "STREAMS", "events:auth", ">"])
            let entries = answer.array?.first?.array?.last?.array ?? []
            for entry in entries.compactMap(StreamEntry.init) { try await connection.command(["XACK", "events:auth", reader, entry.position]) }
        }
        await connection.close()
    }

    func running<Value: Sendable>(_ services: [any Service], _ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let group = ServiceGroup(configuration: .init(services: services, logger: logger))
        return try await withThrowingTaskGroup(of: Void.self, returning: Value.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }
}

/// What a listener heard, in order; may be told to choke on some.
final class Heard: Sendable {
    private let state = Mutex((names: [String](), poison: Set<String>()))

    init(poison: Set<String> = []) {
        state.withLock { $0.poison = poison }
    }

    var names: [String] { state.withLock { $0.names } }

    func take(_ events: [ReceivedEvent]) throws {
        let names = try events.map { try $0.data(as: AuthEvents.TenantCreated.self).name }
        try state.withLock { state in
            if let bad = names.first(where: state.poison.contains) { throw EventRejected("cannot take \(bad)") }
            state.names += names
        }
    }
}
