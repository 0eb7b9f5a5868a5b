import Foundation
import NIOSSL

/// A certificate that is its own authority, good for a day and gone with this object.
final class TestCertificate: Sendable {
    struct Failed: Error {}

    private let directory: URL

    init(names: String = "DNS:localhost") async throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "penguin-certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=test",
            "-addext", "subjectAltName=\(names)", "-keyout", keyFile, "-out", certificateFile,
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard process.terminationStatus == 0 else { throw Failed() }
    }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }

    /// What a client must trust.
    var certificateFile: String { directory.appending(path: "certificate.pem").path }
    private var keyFile: String { directory.appending(path: "key.pem").path }

    func serverContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificateFile).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
        return try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
    }
}
