import Configuration
public import Contracts
public import Foundation
public import HTTP
public import HTTPTypes
import Hummingbird
public import HummingbirdTesting
public import Logging
import Postgres
public import Primitives
public import RPC
public import ServiceLifecycle
public import ServiceRuntime
import Streams

/// The floor a service stands on, on a fresh database and Redis; peers are routers in the same process.
public struct TestHouse: Sendable {
    public let house: House
    public let database: TestDatabase
    public let redis: TestRedis
    public let clock: TestClock
    /// Auth's own key, so that a test can be anybody.
    private let authTokens: ServiceTokens

    /// Makes database, roles and schema of `service` and runs its migrations.
    public static func make<Deployable: DeployableService>(
        for service: Deployable.Type, peers: [ServiceName: RPCRouter] = [:], configuration: [String: String] = [:],
        clock: TestClock = TestClock(), tracer: Tracer = .silent, logLevel: Logger.Level = .error
    ) async throws -> TestHouse {
        var logger = Logger(label: "test.\(service.name.rawValue)")
        logger.logLevel = logLevel
        let database = try await TestPostgres.shared.database()
        let redis = try await TestRedis.start()
        let name = service.name.rawValue
        let migrations = [HouseTables.migration(for: service.name)] + service.migrations
        try await Migrator(database.configuration(role: "\(name)_owner"), migrations: migrations).run(logger: logger)
        let tokens = try await TestTokens.make()
        let settings = try Settings(
            ConfigReader(
                provider: InMemoryProvider(
                    values: Dictionary(uniqueKeysWithValues: configuration.map { (AbsoluteConfigKey(ConfigKey($0)), ConfigValue(stringLiteral: $1)) })
                )),
            // Peers are in this process; what only wants their addresses gets ones where nobody is.
            keys: service.keys + ServiceName.allCases.map { ConfigurationKey("\($0.rawValue).rpc.url", "", default: "http://127.0.0.1:1") })
        let worker = database.configuration(role: "\(name)_worker")
        let house = House(
            service: service.name, instance: "test", clock: clock.clock, logger: logger,
            api: Database(database.configuration(role: "\(name)_api"), connections: 4), worker: Database(worker, connections: 4),
            workerPostgres: worker, redis: redis.configuration, outbox: Outbox(), tokens: tokens[service.name]!,
            keyring: try Keyring(current: "k1", keys: ["k1": randomBytes(32)]), publicBaseURL: URL(string: "https://localhost:8443")!,
            settings: settings, tracer: tracer, peers: { peer in peers[peer].map { .local($0, caller: service.name) } ?? .failing })
        return TestHouse(house: house, database: database, redis: redis, clock: clock, authTokens: tokens[.auth]!)
    }

    /// The header that the gateway would forward for this person.
    public func identityHeader(
        tenant: TenantID, user: UserID = UserID(.v7(at: Date())), role: Role = .owner, isVerified: Bool = true, workspaces: [WorkspaceID]? = nil,
        staff: StaffRole? = nil, apiKey: UUID? = nil, support: UUID? = nil
    ) async throws -> HTTPFields {
        let claims = IdentityClaims(
            tenant: tenant, user: user, name: "Test Person", role: role.rawValue, verified: isVerified, workspaces: workspaces,
            session: SessionID(.v7(at: clock.clock.now)), staff: staff?.rawValue, apiKey: apiKey, support: support)
        return [.identityToken: try await authTokens.sign(claims, for: house.service, now: clock.clock.now)]
    }

    /// Runs the service's public routes in memory.
    public func withClient<Value: Sendable>(
        _ service: some DeployableService, _ body: @escaping @Sendable (any TestClientProtocol) async throws -> Value
    ) async throws -> Value {
        let application = Application(router: house.publicRouter(service), logger: house.logger)
        return try await application.test(.router, body)
    }

    /// Serves the service's public routes on a loopback port while `body` runs with that.
    public func serving<Value: Sendable>(
        _ service: some DeployableService, _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> Value {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: house.publicRouter(service), configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                found.yield(channel.localAddress?.port ?? 0)
                found.finish()
            }, logger: house.logger)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await application.run()
                return nil
            }
            group.addTask {
                for await port in ports { return try await body(port) }
                throw CancellationError()
            }
            defer { group.cancelAll() }
            while let value = try await group.next() { if let value { return value } }
            throw CancellationError()
        }
    }

    /// The service's methods, to call directly or to give to another test house as a peer.
    public func router(_ service: some DeployableService) -> RPCRouter {
        var router = RPCRouter(service: house.service)
        service.methods(on: &router)
        return router
    }

    /// Runs what works in the background (and the outbox relay, if asked) while `body` runs, then stops it gracefully.
    public func withBackground<Value: Sendable>(
        _ services: [any Service], relay: Bool = false, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        var all = services
        if relay {
            all.append(
                OutboxRelay(
                    service: house.service, postgres: house.workerPostgres, redis: house.redis, outbox: house.outbox, clock: house.clock,
                    logger: house.logger))
        }
        let group = ServiceGroup(configuration: .init(services: all, logger: house.logger))
        return try await withThrowingTaskGroup(of: Void.self, returning: Value.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Value, any Error>
            do {
                result = .success(try await body())
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }
}
