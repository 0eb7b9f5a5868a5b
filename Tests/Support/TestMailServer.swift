import Foundation

/// The development mail server with a store of its own, on a free port; it ends with the test process.
public final class TestMailServer: Sendable {
    public let port: Int
    private let directory: URL
    private let process: OwnedProcess

    /// Its one user is `sender` with the password `secret`.
    public static func start() async throws -> TestMailServer {
        let directory = try OwnedProcess.makeDirectory("mail", forUser: nil)
        try #"{"sender":"secret"}"#.write(to: directory.appending(path: "users.json"), atomically: true, encoding: .utf8)
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let portFile = directory.appending(path: "port")
        let process = try OwnedProcess(
            [
                "/usr/bin/python3", root.appending(path: "Tools/mailserver").path(), "--print-port-file", portFile.path(), "--maildir",
                directory.appending(path: "maildir").path(), "--users", directory.appending(path: "users.json").path(),
            ], directory: directory, stopSignal: "KILL", log: "mail.log")
        for _ in 0..<400 {
            if let text = try? String(contentsOf: portFile, encoding: .utf8), let port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) {
                return TestMailServer(port: port, directory: directory, process: process)
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw OwnedProcess.Failure(description: "the mail server did not start")
    }

    private init(port: Int, directory: URL, process: OwnedProcess) {
        self.port = port
        self.directory = directory
        self.process = process
    }

    /// Every mail in the store, as it came.
    public func mails() throws -> [String] {
        let folder = directory.appending(path: "maildir/new")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
    }
}
