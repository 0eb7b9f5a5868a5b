import Contracts
import Crypto
import CryptoExtras
import Foundation
import Postgres
import Primitives
import Streams
import TestSupport

@testable import Billing

/// The program itself on a test's database, to be killed and started again. It reaches Postgres over a line of the test's, and nothing else:
/// its outbox keeps what it would have told.
final class BillingProcess {
    private static let executable = URL(filePath: #filePath).appending(path: "../../../.build/debug/Billing").standardized

    let address: String
    /// Answers as soon as the process does.
    let health: String
    private let folder: URL
    private let environment: [String: String]
    private var process: Process?

    init(on database: TestDatabase, over line: TestLine, stripe: StripeDouble) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "penguin-billing-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = Curve25519.Signing.PrivateKey()
        let entry = #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"billing","x":"\#(key.publicKey.rawRepresentation.base64URL)"}"#
        try Data(key.pemRepresentation.utf8).write(to: folder.appending(path: "key.pem"))
        try Data(#"{"keys":[\#(entry)]}"#.utf8).write(to: folder.appending(path: "keys.jwks"))
        let root = randomBytes(32).base64EncodedString()
        try Data(#"{"current":"k1","keys":{"k1":"\#(root)"}}"#.utf8).write(to: folder.appending(path: "encryption.json"))
        let (port, internalPort) = (try freePort(), try freePort())
        address = "http://127.0.0.1:\(port)"
        health = "http://127.0.0.1:\(internalPort)/healthz"
        var values = [
            "PUBLIC_PORT": "\(port)", "INTERNAL_PORT": "\(internalPort)", "PUBLIC_BASE_URL": "https://localhost:8443",
            "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "\(line.port)", "POSTGRES_DATABASE": database.name,
            "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1", "TOKEN_PRIVATE_KEY_FILE": folder.appending(path: "key.pem").path(),
            "TOKEN_PUBLIC_KEYS_FILE": folder.appending(path: "keys.jwks").path(),
            "ENCRYPTION_KEYS_FILE": folder.appending(path: "encryption.json").path(), "LOG_LEVEL": "warning",
        ]
        for kind in ["OWNER", "API", "WORKER"] { values["POSTGRES_\(kind)_PASSWORD"] = "test" }
        for service in ServiceName.allCases { values["\(service.rawValue.uppercased())_RPC_URL"] = "http://127.0.0.1:1" }
        for (name, value) in stripe.configuration { values[name.uppercased().replacing(".", with: "_")] = value }
        environment = values
    }

    func start() throws {
        let process = Process()
        process.executableURL = Self.executable
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        let log = folder.appending(path: "log")
        if !FileManager.default.fileExists(atPath: log.path()) { FileManager.default.createFile(atPath: log.path(), contents: nil) }
        let handle = try FileHandle(forWritingTo: log)
        try handle.seekToEnd()
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        try handle.close()
        self.process = process
    }

    /// What it said.
    var log: String { (try? String(contentsOf: folder.appending(path: "log"), encoding: .utf8)) ?? "" }

    func kill() {
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }
}
