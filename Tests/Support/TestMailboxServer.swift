import Crypto
public import Foundation
import Primitives

/// A Dovecot that serves mailboxes by IMAP (`Tools/mailserver/dovecot.py`), with a certificate of its own authority, private to this test process.
public final class TestMailboxServer: Sendable {
    /// Its parts run as users of their own, which only root may start.
    public static let isPossible = geteuid() == 0 && FileManager.default.fileExists(atPath: "/usr/lib/dovecot/imap")

    public static let password = "correct \"horse"
    /// Besides it there are `user0@sender.example` to `user119@sender.example`.
    public static let user = "grace@sender.example"
    private static let key = Data("the key of the tests' own issuer".utf8)

    /// A folder of every mailbox, by its place in the Maildir.
    public enum Folder: String, Sendable {
        case inbox = ""
        case sent = ".Gesendete Elemente"
        case junk = ".Unfug"
    }

    public struct Ports: Codable, Sendable {
        /// With STARTTLS.
        public let imap: Int
        /// With TLS from the first byte.
        public let imaps: Int
        /// For handing mail in, with TLS from the first byte; only beside an OAuth server.
        public let submissions: Int?
    }

    /// Whose access tokens the server takes: an OAuth server that is asked about each, and what becomes of mail that is handed in by them.
    public struct Tokens: Sendable {
        let introspection: String
        let relay: TestMailServer

        /// `introspection` is an address that says of the bearer's token whether it is `active`, and whose `email` it is.
        public init(introspection: String, relay: TestMailServer) {
            self.introspection = introspection
            self.relay = relay
        }
    }

    public let ports: Ports
    /// The authority that the server's certificate, for `localhost`, comes from.
    public let authorityFile: String
    private let directory: URL
    private let process: OwnedProcess

    /// Without `tokens` it takes those of ``accessToken(for:)``.
    public static func start(_ tokens: Tokens? = nil) async throws -> TestMailboxServer {
        let directory = try OwnedProcess.makeDirectory("mailboxes", forUser: nil)
        func file(_ name: String) -> String { directory.appending(path: name).path() }
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try OwnedProcess.run(
            ["openssl", "req", "-x509"] + curve + ["-days", "2", "-subj", "/CN=test authority", "-keyout", file("ca.key"), "-out", file("ca.pem")])
        try OwnedProcess.run(
            ["openssl", "req"] + curve + [
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", file("server.key"), "-out", file("server.csr"),
            ])
        try OwnedProcess.run([
            "openssl", "x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "1",
            "-copy_extensions", "copy", "-out", file("server.pem"),
        ])
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let process = try OwnedProcess(
            [
                "/usr/bin/python3", root.appending(path: "Tools/mailserver/dovecot.py").path(), directory.path(), file("server.pem"),
                file("server.key"),
            ] + (tokens.map { [$0.introspection, String($0.relay.port)] } ?? []), directory: directory, stopSignal: "TERM", log: "mailboxes.log")
        for _ in 0..<800 {
            if let text = try? Data(contentsOf: directory.appending(path: "ports")),
                let log = try? String(contentsOf: directory.appending(path: "dovecot.log"), encoding: .utf8), log.contains("starting up")
            {
                return TestMailboxServer(
                    ports: try JSONDecoder().decode(Ports.self, from: text), authorityFile: file("ca.pem"), directory: directory, process: process)
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        let logs = ["mailboxes.log", "dovecot.out", "dovecot.log"].map { (try? String(contentsOfFile: file($0), encoding: .utf8)) ?? "" }
        throw OwnedProcess.Failure(description: "Dovecot did not start: \(logs.joined())")
    }

    private init(ports: Ports, authorityFile: String, directory: URL, process: OwnedProcess) {
        self.ports = ports
        self.authorityFile = authorityFile
        self.directory = directory
        self.process = process
    }

    /// A token that the server takes for `user`, as an OAuth provider would have issued it.
    public static func accessToken(for user: String) -> String {
        let now = Int(Date().timeIntervalSince1970)
        let header = Data(#"{"alg":"HS256","typ":"JWT"}"#.utf8).base64URL
        let claims = Data(#"{"email":"\#(user)","sub":"\#(user)","iat":\#(now - 60),"exp":\#(now + 3_600)}"#.utf8).base64URL
        let tag = HMAC<SHA256>.authenticationCode(for: Data("\(header).\(claims)".utf8), using: SymmetricKey(data: key))
        return "\(header).\(claims).\(Data(tag).base64URL)"
    }

    // MARK: - What lies in mailboxes

    private func folder(_ folder: Folder, of user: String) throws -> URL {
        let mailbox = directory.appending(path: "mail").appending(path: user)
        let place = folder == .inbox ? mailbox : mailbox.appending(path: folder.rawValue)
        for name in ["cur", "new", "tmp"] where !FileManager.default.fileExists(atPath: place.appending(path: name).path()) {
            try FileManager.default.createDirectory(at: place.appending(path: name), withIntermediateDirectories: true)
            try OwnedProcess.run(["/bin/chown", "-R", "mail:mail", mailbox.path(percentEncoded: false)])
        }
        return place
    }

    /// A mail comes, as `receivedAt` unread; it appears whole or not at all.
    public func deliver(_ mail: String, to user: String = TestMailboxServer.user, in folder: Folder = .inbox, receivedAt: Date = Date()) throws {
        let place = try self.folder(folder, of: user)
        let name = "\(UInt64(receivedAt.timeIntervalSince1970 * 1_000_000)).\(UUID().uuidString).test"
        let draft = place.appending(path: "tmp").appending(path: name)
        try Data(mail.utf8).write(to: draft)
        try FileManager.default.setAttributes([.modificationDate: receivedAt], ofItemAtPath: draft.path(percentEncoded: false))
        try FileManager.default.moveItem(at: draft, to: place.appending(path: "new").appending(path: name))
    }

    /// How many mails of a folder somebody has read.
    public func readCount(of user: String = TestMailboxServer.user, in folder: Folder = .inbox) throws -> Int {
        let place = try self.folder(folder, of: user)
        let files = try FileManager.default.contentsOfDirectory(atPath: place.appending(path: "cur").path(percentEncoded: false))
        return files.count { $0.split(separator: ":").last.map { $0.hasPrefix("2,") && $0.contains("S") } ?? false }
    }

    /// Numbers the mails of a folder anew, as a server does after it was restored from a backup.
    public func renumber(_ folder: Folder = .inbox, of user: String = TestMailboxServer.user) throws {
        let place = try self.folder(folder, of: user)
        let list = place.appending(path: "dovecot-uidlist")
        var lines = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(String.init)
        lines[0] = lines[0].split(separator: " ").map { word in
            guard let kind = word.first, let number = UInt32(word.dropFirst()) else { return String(word) }
            return kind == "V" ? "V\(number + 7)" : kind == "N" ? "N\(number + 100)" : String(word)
        }.joined(separator: " ")
        for index in lines.indices.dropFirst() {
            let parts = lines[index].split(separator: " ", maxSplits: 1)
            if let number = UInt32(parts[0]) { lines[index] = "\(number + 100) \(parts[1])" }
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: list)
        for name in try FileManager.default.contentsOfDirectory(atPath: place.path(percentEncoded: false)) where name.hasPrefix("dovecot.index") {
            try FileManager.default.removeItem(at: place.appending(path: name))
        }
        try OwnedProcess.run(["/bin/chown", "mail:mail", list.path(percentEncoded: false)])
    }
}
