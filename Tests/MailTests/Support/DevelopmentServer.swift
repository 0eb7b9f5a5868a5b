import Foundation
import Mail
import TestSupport
import Testing

/// The mail server of the demo (`Tools/mailserver`), with a store of its own; it ends with this object or with the test process.
final class DevelopmentServer: Sendable {
    static let username = "grace@sender.example"
    static let password = "correct horse"

    let server: SMTPServer
    let trust: SMTPTrust
    private let certificate: TestCertificate
    private let directory: URL
    /// The server's shell reads from it; closing it is what stops the server.
    private let leash: FileHandle

    private init(port: Int, certificate: TestCertificate, directory: URL, leash: FileHandle) throws {
        server = SMTPServer(host: "localhost", port: port, security: .startTLS)
        trust = try SMTPTrust(certificateFile: certificate.certificateFile)
        self.certificate = certificate
        self.directory = directory
        self.leash = leash
    }

    deinit {
        try? leash.close()
        try? FileManager.default.removeItem(at: directory)
    }

    static func start() async throws -> DevelopmentServer {
        let certificate = try await TestCertificate()
        let directory = FileManager.default.temporaryDirectory.appending(path: "penguin-mail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        do {
            try JSONEncoder().encode([username: password]).write(to: directory.appending(path: "users.json"))
            let leash = try launch(in: directory, certificate)
            let portFile = directory.appending(path: "port")
            try await eventually("the mail server listens") { FileManager.default.fileExists(atPath: portFile.path()) }
            let port = try #require(Int(String(contentsOf: portFile, encoding: .utf8).filter(\.isNumber)))
            return try DevelopmentServer(port: port, certificate: certificate, directory: directory, leash: leash)
        } catch {
            try? FileManager.default.removeItem(at: directory)
            throw error
        }
    }

    private static func launch(in directory: URL, _ certificate: TestCertificate) throws -> FileHandle {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized
        let pipe = Pipe()
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        // Threads of the test process block signals and children inherit that: KILL is the one that arrives.
        shell.arguments = [
            "-c", #""$@" >"$0" 2>&1 </dev/null & cat >/dev/null; kill -KILL $!; wait"#, directory.appending(path: "log").path(),
            // Debian's own interpreter: its package of aiosmtpd is for no other.
            "/usr/bin/python3", root.appending(path: "Tools/mailserver").path(), "--print-port-file", directory.appending(path: "port").path(),
            "--maildir", directory.appending(path: "maildir").path(), "--users", directory.appending(path: "users.json").path(),
            "--certificate", certificate.certificateFile, "--key", certificate.keyFile,
        ]
        shell.standardInput = pipe.fileHandleForReading
        try shell.run()
        return pipe.fileHandleForWriting
    }

    /// A connection that is encrypted and authenticated.
    func connect(password: String = DevelopmentServer.password) async throws -> SMTPConnection {
        try await SMTPConnection.connect(to: server, credentials: .password(username: Self.username, password: password), trust: trust)
    }

    /// Every message that was kept, with the envelope's lines before it.
    func mails() throws -> [[UInt8]] {
        let folder = directory.appending(path: "maildir/new")
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).map { [UInt8](try Data(contentsOf: $0)) }
    }
}
