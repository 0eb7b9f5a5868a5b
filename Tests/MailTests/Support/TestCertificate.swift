import Foundation
import NIOSSL

/// A certificate for `localhost` that is its own authority, good for a day and gone with this object.
final class TestCertificate: Sendable {
    private let directory: URL

    init(names: String = "DNS:localhost") async throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "penguin-certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        _ = try await Command.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=test",
                "-addext", "subjectAltName=\(names)", "-keyout", directory.appending(path: "key.pem").path, "-out", certificateFile,
            ])
    }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }

    /// What a client must trust.
    var certificateFile: String { directory.appending(path: "certificate.pem").path }
    var keyFile: String { directory.appending(path: "key.pem").path }

    func serverContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificateFile).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
        return try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
    }
}
