public import Contracts
import Crypto
import CryptoExtras
public import Foundation
import Primitives
public import Streams

/// A service's program itself, on a test's database, to be killed and started again.
public final class ServiceProcess {
    /// PENGUIN_BUILD: another build than the ordinary one, such as one with a sanitizer.
    private static let products = URL(filePath: #filePath)
        .appending(path: "../../../\(ProcessInfo.processInfo.environment["PENGUIN_BUILD"] ?? ".build")/debug").standardized

    /// Where it answers people.
    public let address: String
    /// Answers as soon as the process does.
    public let health: String
    /// Its keys, and whatever a test puts there; it goes with the process.
    public let folder: URL
    private let executable: URL
    private var environment: [String: String]
    private var process: Process?

    /// `postgresPort` may be that of a ``TestLine``; without `redis` it reaches none, and its outbox keeps what it would have told.
    /// `settings` are named as in the configuration, such as `stripe.api.base`.
    public init(
        _ service: ServiceName, on database: TestDatabase, postgresPort: Int? = nil, redis: RedisConfiguration? = nil,
        settings: [String: String] = [:]
    ) throws {
        executable = Self.products.appending(path: service.rawValue.capitalized)
        folder = FileManager.default.temporaryDirectory.appending(path: "penguin-\(service.rawValue)-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = Curve25519.Signing.PrivateKey()
        let entry = #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\#(service.rawValue)","x":"\#(key.publicKey.rawRepresentation.base64URL)"}"#
        try Data(key.pemRepresentation.utf8).write(to: folder.appending(path: "key.pem"))
        try Data(#"{"keys":[\#(entry)]}"#.utf8).write(to: folder.appending(path: "keys.jwks"))
        let root = randomBytes(32).base64EncodedString()
        try Data(#"{"current":"k1","keys":{"k1":"\#(root)"}}"#.utf8).write(to: folder.appending(path: "encryption.json"))
        let (port, internalPort) = (try freePort(), try freePort())
        address = "http://127.0.0.1:\(port)"
        health = "http://127.0.0.1:\(internalPort)/healthz"
        environment = [
            "PUBLIC_PORT": "\(port)", "INTERNAL_PORT": "\(internalPort)", "PUBLIC_BASE_URL": "https://localhost:8443",
            "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "\(postgresPort ?? database.port)", "POSTGRES_DATABASE": database.name,
            "REDIS_HOST": redis?.host ?? "127.0.0.1", "REDIS_PORT": "\(redis?.port ?? 1)",
            "TOKEN_PRIVATE_KEY_FILE": folder.appending(path: "key.pem").path(),
            "TOKEN_PUBLIC_KEYS_FILE": folder.appending(path: "keys.jwks").path(),
            "ENCRYPTION_KEYS_FILE": folder.appending(path: "encryption.json").path(), "LOG_LEVEL": "warning",
        ]
        for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] { environment[name] = ProcessInfo.processInfo.environment[name] }
        for kind in ["OWNER", "API", "WORKER"] { environment["POSTGRES_\(kind)_PASSWORD"] = "test" }
        for service in ServiceName.allCases { environment["\(service.rawValue.uppercased())_RPC_URL"] = "http://127.0.0.1:1" }
        for (name, value) in settings { environment[name.uppercased().replacing(".", with: "_")] = value }
    }

    public func start() throws {
        let process = Process()
        process.executableURL = executable
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        let log = folder.appending(path: "log")
        if !FileManager.default.fileExists(atPath: log.path()) { try Data().write(to: log) }
        let handle = try FileHandle(forWritingTo: log)
        try handle.seekToEnd()
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        try handle.close()
        self.process = process
    }

    /// What it said.
    public var log: String { (try? String(contentsOf: folder.appending(path: "log"), encoding: .utf8)) ?? "" }

    /// With SIGKILL; false when it had ended before.
    @discardableResult
    public func kill() -> Bool {
        guard let process, process.isRunning else { return false }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return true
    }

    /// What a container's health check asks: the same program, which ends with status 0 when the one that runs is ready.
    public func isReady() async throws -> Bool {
        let probe = Process()
        probe.executableURL = executable
        probe.arguments = ["--ready"]
        probe.environment = environment
        (probe.standardInput, probe.standardOutput, probe.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice, FileHandle.nullDevice)
        return try await withCheckedThrowingContinuation { continuation in
            probe.terminationHandler = { continuation.resume(returning: $0.terminationStatus == 0) }
            do { try probe.run() } catch { continuation.resume(throwing: error) }
        }
    }

    /// Its status once it ended by itself; nil while it runs.
    public var status: Int32? { process.flatMap { $0.isRunning ? nil : $0.terminationStatus } }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }
}
