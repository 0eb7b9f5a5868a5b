import Foundation

/// A Postfix and a Dovecot submission server before it (`Tools/mailserver/relay.py`), private to this test process.
public final class TestRelay: Sendable {
    /// Their parts run as users of their own, which only root may start.
    public static let isPossible =
        geteuid() == 0 && FileManager.default.fileExists(atPath: "/usr/lib/postfix/sbin/master")
        && FileManager.default.fileExists(atPath: "/usr/lib/dovecot/submission")

    /// Who may sign in; everybody at `reader.example` exists but `nobody`, and `later` is busy.
    public static let username = "grace@sender.example"
    public static let password = "correct horse"

    /// Where each listens.
    public struct Ports: Codable, Sendable {
        /// Postfix, with STARTTLS.
        public let smtp: Int
        /// Dovecot, with STARTTLS.
        public let submission: Int
        /// Dovecot, with TLS from the first byte.
        public let submissions: Int
    }

    public let ports: Ports
    private let directory: URL
    private let process: OwnedProcess

    public static func start(certificateFile: String, keyFile: String) async throws -> TestRelay {
        let directory = try OwnedProcess.makeDirectory("relay", forUser: nil)
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let process = try OwnedProcess(
            ["/usr/bin/python3", root.appending(path: "Tools/mailserver/relay.py").path(), directory.path(), certificateFile, keyFile],
            directory: directory, stopSignal: "TERM", log: "relay.log")
        for _ in 0..<800 {
            if let text = try? Data(contentsOf: directory.appending(path: "ports")) {
                let relay = TestRelay(ports: try JSONDecoder().decode(Ports.self, from: text), directory: directory, process: process)
                if relay.answers { return relay }
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw OwnedProcess.Failure(description: "the relay did not start: \((try? relayLog(directory)) ?? "")")
    }

    private init(ports: Ports, directory: URL, process: OwnedProcess) {
        self.ports = ports
        self.directory = directory
        self.process = process
    }

    /// Whether both servers have opened their logs, which they do when they are ready.
    private var answers: Bool {
        ["postfix.log", "dovecot.log"].allSatisfy {
            (try? String(contentsOf: directory.appending(path: $0), encoding: .utf8))?.contains("start") ?? false
        }
    }

    private static func relayLog(_ directory: URL) throws -> String {
        try ["relay.log", "postfix.out", "dovecot.out"].map { try String(contentsOf: directory.appending(path: $0), encoding: .utf8) }.joined()
    }

    /// Every mail that was delivered, as it lies in the mailbox.
    public func mails() throws -> [String] {
        let folder = directory.appending(path: "mail/all/new")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
    }
}
