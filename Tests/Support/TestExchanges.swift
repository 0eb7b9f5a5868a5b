import Foundation

/// Several mail servers of others, each at a loopback address of its own and all on one port, with the web server of their MTA-STS policies
/// (`Tools/mailserver/exchanges.py`); they end with the test process.
public final class TestExchanges: Sendable {
    public struct Host: Codable, Sendable {
        /// Of its certificate.
        public var names: [String]
        /// Whether it offers STARTTLS.
        public var tls: Bool
        /// `good`, or `other`, whom nobody trusts.
        public var authority: String
        /// All that it says, where that is so.
        public var greeting: String?

        public init(_ names: [String], tls: Bool = true, authority: String = "good", greeting: String? = nil) {
            self.names = names
            self.tls = tls
            self.authority = authority
            self.greeting = greeting
        }
    }

    /// What came: a connection (`session`) or a mail.
    public struct Entry: Decodable, Sendable {
        public let event: String
        /// The address it came to.
        public let host: String
        public let session: Int
        /// How many connections that address had at that moment.
        public var open: Int?
        public var tls: Bool?
        public var sender: String?
        public var recipient: String?
        /// Of EHLO.
        public var name: String?
        public var peer: String?
    }

    private struct Settings: Encodable {
        let hosts: [String: Host]
        let policies: [String]
    }

    private struct Ready: Decodable {
        let port: Int
        let policyPort: Int
        let keys: [String: String]
        let authority: String

        enum CodingKeys: String, CodingKey {
            case port, keys, authority
            case policyPort = "policy_port"
        }
    }

    public let port: Int
    public let policyPort: Int
    /// SHA-256 of each host's key, in hexadecimal.
    public let keys: [String: String]
    /// SHA-256 of the good authority's key.
    public let authorityKey: String
    private let directory: URL
    private let process: OwnedProcess

    /// `hosts` by loopback address; `policies`: the domains that may have one.
    public static func start(_ hosts: [String: Host], policies: [String] = []) async throws -> TestExchanges {
        let directory = try OwnedProcess.makeDirectory("exchanges", forUser: nil)
        try JSONEncoder().encode(Settings(hosts: hosts, policies: policies)).write(to: directory.appending(path: "exchanges.json"))
        try Data("{}".utf8).write(to: directory.appending(path: "policies.json"))
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let process = try OwnedProcess(
            ["/usr/bin/python3", root.appending(path: "Tools/mailserver/exchanges.py").path(), directory.path()], directory: directory,
            stopSignal: "KILL", log: "exchanges.log")
        for _ in 0..<800 {
            if let text = try? Data(contentsOf: directory.appending(path: "ready.json")) {
                return TestExchanges(try JSONDecoder().decode(Ready.self, from: text), directory: directory, process: process)
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw OwnedProcess.Failure(
            description:
                "the exchanges did not start: \((try? String(contentsOf: directory.appending(path: "exchanges.log"), encoding: .utf8)) ?? "")")
    }

    private init(_ ready: Ready, directory: URL, process: OwnedProcess) {
        port = ready.port
        policyPort = ready.policyPort
        keys = ready.keys
        authorityKey = ready.authority
        self.directory = directory
        self.process = process
    }

    /// The certificate of the good authority.
    public var authorityFile: String { directory.appending(path: "ca.pem").path() }

    /// From now on these are the policies, by domain.
    public func publish(policies: [String: String]) throws {
        try JSONEncoder().encode(policies).write(to: directory.appending(path: "policies.json"), options: .atomic)
    }

    /// Everything that came, oldest first.
    public func log() throws -> [Entry] {
        let text = (try? String(contentsOf: directory.appending(path: "log.jsonl"), encoding: .utf8)) ?? ""
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Entry.self, from: Data($0.utf8)) }
    }

    /// The mails that came, oldest first.
    public func mails() throws -> [Entry] {
        try log().filter { $0.event == "mail" }
    }
}
