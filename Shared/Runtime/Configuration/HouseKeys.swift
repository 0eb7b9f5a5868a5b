import Contracts
import Foundation

/// The settings that every service has.
enum HouseKeys {
    static let all: [ConfigurationKey] =
        [
            ConfigurationKey("service.instance", "This replica's name, unlike its siblings'; a restarted replica keeps it.", default: hostName),
            ConfigurationKey("log.level", "trace, debug, info, notice, warning, error or critical.", default: "info"),
            ConfigurationKey("public.host", "Where the public listener binds; only the gateway may reach it.", default: "127.0.0.1"),
            ConfigurationKey("public.port", "The public listener's port."),
            ConfigurationKey("internal.host", "Where the internal listener (RPC, health, metrics) binds.", default: "127.0.0.1"),
            ConfigurationKey("internal.port", "The internal listener's port."),
            ConfigurationKey("public.base.url", "The gateway's address as people see it, such as https://app.example.com."),
            ConfigurationKey("postgres.host", "Postgres server.", default: "127.0.0.1"),
            ConfigurationKey("postgres.port", "Postgres port.", default: "5432"),
            ConfigurationKey("postgres.database", "Postgres database.", default: "penguinmails"),
            ConfigurationKey("postgres.owner.password", "Password of <service>_owner, which migrates.", isSecret: true),
            ConfigurationKey("postgres.api.password", "Password of <service>_api, which answers requests.", isSecret: true),
            ConfigurationKey("postgres.worker.password", "Password of <service>_worker, which works in the background.", isSecret: true),
            ConfigurationKey("postgres.api.connections", "Connections for requests.", default: "8"),
            ConfigurationKey("postgres.worker.connections", "Connections for background work.", default: "8"),
            ConfigurationKey("redis.host", "Redis server.", default: "127.0.0.1"),
            ConfigurationKey("redis.port", "Redis port.", default: "6379"),
            ConfigurationKey("redis.username", "Redis user, where Redis has an access list.", default: ""),
            ConfigurationKey("redis.password", "Redis password; empty: Redis asks for none.", default: "", isSecret: true),
            ConfigurationKey("token.private.key.file", "This service's Ed25519 key (PKCS 8, PEM)."),
            ConfigurationKey("token.public.keys.file", "The five services' public keys (JWKS; the kid is the service's name)."),
            ConfigurationKey("encryption.keys.file", "Root keys for secrets at rest: {\"current\":id,\"keys\":{id: base64}}."),
        ]
        + TraceSettings.keys
        + ServiceName.allCases.map {
            ConfigurationKey("\($0.rawValue).rpc.url", "Internal listener of \($0.rawValue), such as http://127.0.0.1:9001.")
        }

    /// In containers each replica has one of its own; asked of the kernel, not of a name server.
    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "1" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
