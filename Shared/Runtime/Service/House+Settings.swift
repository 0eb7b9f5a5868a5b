import AsyncHTTPClient
import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import Streams

extension House {
    /// Builds the floor of a running service from its settings; reads the key files, connects to nothing.
    static func build(_ service: ServiceName, _ settings: Settings, httpClient: HTTPClient, tracer: Tracer, logger: Logger) async throws -> House {
        let tokens = try await ServiceTokens(
            service: service, privateKeyPEM: try file(settings, "token.private.key.file"),
            publicKeysJWKS: try file(settings, "token.public.keys.file"))
        var worker = try postgres(service, "worker", settings)
        // Background work speaks in batches of identifiers.
        worker.keepsPlans = true
        guard let publicBaseURL = URL(string: settings["public.base.url"]), publicBaseURL.scheme != nil, publicBaseURL.host() != nil else {
            throw SettingsError(problems: ["public.base.url must be an absolute URL"])
        }
        let peers = try peers(from: service, settings, tokens: tokens, httpClient: httpClient, logger: logger)
        return House(
            service: service, instance: settings["service.instance"], clock: .system, logger: logger,
            api: Database(try postgres(service, "api", settings), connections: try settings.integer("postgres.api.connections", in: 1...200)),
            worker: Database(worker, connections: try settings.integer("postgres.worker.connections", in: 1...200)),
            workerPostgres: worker,
            redis: RedisConfiguration(
                host: settings["redis.host"], port: try settings.integer("redis.port", in: 1...65_535), username: settings["redis.username"],
                password: settings["redis.password"]),
            outbox: Outbox(), tokens: tokens, keyring: try Keyring(contentsOf: URL(filePath: settings["encryption.keys.file"])),
            publicBaseURL: publicBaseURL, settings: settings, tracer: tracer, peers: { peers[$0] ?? .failing })
    }

    static func postgres(_ service: ServiceName, _ role: String, _ settings: Settings) throws(SettingsError) -> PostgresConfiguration {
        PostgresConfiguration(
            host: settings["postgres.host"], port: try settings.integer("postgres.port", in: 1...65_535),
            database: settings["postgres.database"], role: "\(service.rawValue)_\(role)", password: settings["postgres.\(role).password"],
            applicationName: "\(service.rawValue)/\(settings["service.instance"])")
    }

    private static func peers(
        from service: ServiceName, _ settings: Settings, tokens: ServiceTokens, httpClient: HTTPClient, logger: Logger
    ) throws(SettingsError) -> [ServiceName: RPCClient] {
        var peers: [ServiceName: RPCClient] = [:]
        for peer in ServiceName.allCases where peer != service {
            guard let url = URL(string: settings["\(peer.rawValue).rpc.url"]), url.host() != nil else {
                throw SettingsError(problems: ["\(peer.rawValue).rpc.url must be an absolute URL"])
            }
            peers[peer] = .http(url: url, caller: service, target: peer, tokens: tokens, httpClient: httpClient, logger: logger)
        }
        return peers
    }

    private static func file(_ settings: Settings, _ key: String) throws(SettingsError) -> String {
        do {
            return try String(contentsOf: URL(filePath: settings[key]), encoding: .utf8)
        } catch {
            throw SettingsError(problems: ["\(key): cannot read \(settings[key])"])
        }
    }
}
