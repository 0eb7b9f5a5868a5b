import Configuration
import Contracts
import Crypto
import CryptoExtras
import Foundation
import HTTP
import Hummingbird
import Logging
import Postgres
import Primitives
import RPC
import Streams

/// Says which public routes a service answers, without anything running: the gateway's route table is checked against it.
enum RouteListing {
    /// `GET /api/v1/plans`, one line a route, sorted.
    static func lines<Deployable: DeployableService>(of type: Deployable.Type) async throws -> [String] {
        let router = Router(context: AppContext.self)
        try await type.init(unconnected(type)).routes(on: router)
        return router.routes.map { "\($0.method) \($0.path)" }.sorted()
    }

    /// A floor that leads nowhere: constructors connect to nothing.
    private static func unconnected<Deployable: DeployableService>(_ type: Deployable.Type) async throws -> House {
        let key = Curve25519.Signing.PrivateKey()
        let jwks = """
            {"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\(type.name.rawValue)","x":"\(key.publicKey.rawRepresentation.base64URL)"}]}
            """
        let postgres = PostgresConfiguration(host: "127.0.0.1", port: 1, database: "none", role: "none", password: "")
        let required = (HouseKeys.all + type.keys).filter { $0.fallback == nil }
        let values = Dictionary(uniqueKeysWithValues: required.map { ($0.name, "none") }).merging(type.settingsForListing) { _, given in given }
        let settings = try Settings(
            .init(
                provider: InMemoryProvider(
                    values: Dictionary(
                        uniqueKeysWithValues: values.map { (AbsoluteConfigKey(ConfigKey($0)), ConfigValue(stringLiteral: $1)) }))),
            keys: HouseKeys.all + type.keys)
        return House(
            service: type.name, instance: "none", clock: .system, logger: Logger(label: "routes"), api: Database(postgres),
            worker: Database(postgres), workerPostgres: postgres, redis: RedisConfiguration(host: "127.0.0.1", port: 1), outbox: Outbox(),
            tokens: try await ServiceTokens(service: type.name, privateKeyPEM: key.pemRepresentation, publicKeysJWKS: jwks),
            keyring: try Keyring(current: "none", keys: ["none": randomBytes(32)]),
            publicBaseURL: URL(string: "https://localhost")!, settings: settings, peers: { _ in .failing })
    }
}
