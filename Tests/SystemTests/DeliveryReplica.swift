import Contracts
import Crypto
import CryptoExtras
import Foundation
import Postgres
import Primitives
import RPC
import Streams
import TestSupport

/// What replicas of Delivery share: database, Redis, keys.
struct DeliveryGround: Sendable {
    let postgres: TestPostgres
    let database: TestDatabase
    let redis: TestRedis
    let folder: URL
    /// Campaigns' own, to ask Delivery with.
    let tokens: ServiceTokens

    static func make() async throws -> DeliveryGround {
        let folder = FileManager.default.temporaryDirectory.appending(path: "penguin-crash-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let keys = Dictionary(uniqueKeysWithValues: ServiceName.allCases.map { ($0, Curve25519.Signing.PrivateKey()) })
        let entries = keys.map { name, key in
            #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\#(name.rawValue)","x":"\#(key.publicKey.rawRepresentation.base64URL)"}"#
        }
        let document = #"{"keys":[\#(entries.joined(separator: ","))]}"#
        guard let own = keys[.delivery], let caller = keys[.campaigns] else { throw PenguinCommand.Failure(description: "no keys") }
        try Data(own.pemRepresentation.utf8).write(to: folder.appending(path: "key.pem"))
        try Data(document.utf8).write(to: folder.appending(path: "keys.jwks"))
        let root = randomBytes(32).base64EncodedString()
        try Data(#"{"current":"k1","keys":{"k1":"\#(root)"}}"#.utf8).write(to: folder.appending(path: "encryption.json"))
        // A cluster of its own: it may be crashed.
        let postgres = TestPostgres()
        return DeliveryGround(
            postgres: postgres, database: try await postgres.database(), redis: try await TestRedis.start(), folder: folder,
            tokens: try await ServiceTokens(service: .campaigns, privateKeyPEM: caller.pemRepresentation, publicKeysJWKS: document))
    }

    /// Ends every connection of Delivery to Postgres, wherever its transaction is.
    func breakPostgresLines() async throws {
        try await Database(database.configuration(role: "postgres"), connections: 1).query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename like 'delivery%'")
    }

    func breakRedisLines() async throws {
        let connection = try await RedisConnection.connect(redis.configuration)
        try await connection.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        await connection.close()
    }

    func remove() throws {
        try FileManager.default.removeItem(at: folder)
    }

    func environment(instance: Int, publicPort: Int, internalPort: Int) -> [String: String] {
        let worker = database.configuration(role: "delivery_worker")
        var values = [
            "SERVICE_INSTANCE": "\(instance)", "PUBLIC_PORT": "\(publicPort)", "INTERNAL_PORT": "\(internalPort)",
            "PUBLIC_BASE_URL": "https://localhost:8443", "POSTGRES_HOST": worker.host, "POSTGRES_PORT": "\(worker.port)",
            "POSTGRES_DATABASE": worker.database, "REDIS_HOST": redis.configuration.host, "REDIS_PORT": "\(redis.configuration.port)",
            "TOKEN_PRIVATE_KEY_FILE": folder.appending(path: "key.pem").path(),
            "TOKEN_PUBLIC_KEYS_FILE": folder.appending(path: "keys.jwks").path(),
            "ENCRYPTION_KEYS_FILE": folder.appending(path: "encryption.json").path(), "LOG_LEVEL": "warning", "DELIVERY_LEASE_SECONDS": "2",
            "DELIVERY_WORKER_SLOTS": "32", "DELIVERY_SMTP_REACH": "anywhere", "DELIVERY_CONNECTIONS_PER_MAILBOX": "2",
        ]
        for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] { values[name] = ProcessInfo.processInfo.environment[name] }
        for kind in ["OWNER", "API", "WORKER"] { values["POSTGRES_\(kind)_PASSWORD"] = "test" }
        // Nobody is there: settling with Billing waits, sending does not.
        for service in ServiceName.allCases { values["\(service.rawValue.uppercased())_RPC_URL"] = "http://127.0.0.1:1" }
        return values
    }
}

/// One process of Delivery, started again and again.
final class DeliveryReplica {
    private static let executable = PenguinCommand.repository
        .appending(path: "\(ProcessInfo.processInfo.environment["PENGUIN_BUILD"] ?? ".build")/debug/Delivery")

    let internalPort: Int
    private let ground: DeliveryGround
    private let instance: Int
    private let publicPort: Int
    private var process: Process?
    private(set) var kills = 0

    init(_ ground: DeliveryGround, instance: Int) throws {
        self.ground = ground
        self.instance = instance
        publicPort = try freePort()
        internalPort = try freePort()
    }

    var isRunning: Bool { process?.isRunning ?? false }

    /// Starts it, to be killed at `fault` if that is given; what it says goes to its log.
    func start(fault: String?) throws {
        if let process, !process.isRunning, process.terminationReason == .uncaughtSignal { kills += 1 }
        let process = Process()
        process.executableURL = Self.executable
        process.environment = ground.environment(instance: instance, publicPort: publicPort, internalPort: internalPort).merging(
            fault.map { ["DELIVERY_FAULT": $0] } ?? [:]
        ) { $1 }
        let log = ground.folder.appending(path: "delivery-\(instance).log")
        if !FileManager.default.fileExists(atPath: log.path()) { FileManager.default.createFile(atPath: log.path(), contents: nil) }
        let handle = try FileHandle(forWritingTo: log)
        try handle.seekToEnd()
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        try handle.close()
        self.process = process
    }

    func kill() {
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    deinit { kill() }
}
