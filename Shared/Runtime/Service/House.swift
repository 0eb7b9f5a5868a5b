import AsyncHTTPClient
public import Contracts
public import Foundation
import HTTP
public import Logging
public import Postgres
public import Primitives
public import RPC
public import Streams

/// What every service stands on: its two ways into the database, the streams, the peers, the keys and the clock.
public struct House: Sendable {
    public let service: ServiceName
    /// This replica's name, the same after a restart.
    public let instance: String
    public let clock: WallClock
    public let logger: Logger
    /// For requests: row-level security holds, so a tenant must be named.
    public let api: Database
    /// For background work: sees every tenant.
    public let worker: Database
    public let workerPostgres: PostgresConfiguration
    public let redis: RedisConfiguration
    public let outbox: Outbox
    public let tokens: ServiceTokens
    public let keyring: Keyring
    /// The gateway's address as people see it, without a slash at its end.
    public let publicBaseURL: URL
    public let settings: Settings
    /// For work that no request began: traces of its own.
    public let tracer: Tracer
    private let peers: @Sendable (ServiceName) -> RPCClient

    public init(
        service: ServiceName, instance: String, clock: WallClock, logger: Logger, api: Database, worker: Database,
        workerPostgres: PostgresConfiguration, redis: RedisConfiguration, outbox: Outbox, tokens: ServiceTokens, keyring: Keyring,
        publicBaseURL: URL, settings: Settings, tracer: Tracer = .silent,
        peers: @escaping @Sendable (ServiceName) -> RPCClient
    ) {
        self.service = service
        self.instance = instance
        self.clock = clock
        self.logger = logger
        self.api = api
        self.worker = worker
        self.workerPostgres = workerPostgres
        self.redis = redis
        self.outbox = outbox
        self.tokens = tokens
        self.keyring = keyring
        self.publicBaseURL = publicBaseURL
        self.settings = settings
        self.tracer = tracer
        self.peers = peers
    }

    /// The way to ask another service.
    public func peer(_ service: ServiceName) -> RPCClient {
        peers(service)
    }

    /// Reads another service's events into this one's database, up to `batch` in a transaction.
    public func consumer(
        of source: ServiceName, batch: Int = 100, handle: @escaping @Sendable ([ReceivedEvent], Transaction) async throws -> Void
    ) -> EventConsumer {
        EventConsumer(
            reader: service, source: source, instance: instance, database: worker, redis: redis, batch: batch,
            logger: logger, handle: handle)
    }
}
