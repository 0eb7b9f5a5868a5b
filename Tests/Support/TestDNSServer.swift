import Foundation

/// The development DNS server with a zone of the test's own, on a free port; it ends with the test process.
public final class TestDNSServer: Sendable {
    /// What stands at a name: kinds of records with their values, as `Tools/dnsserver/zone.py` explains, or a fault.
    public struct Entry: Codable, Sendable, ExpressibleByDictionaryLiteral {
        public var records: [String: [String]]
        /// `servfail`, `refused`, `silent`, `garbage`, `truncated` or `stuck`.
        public var fault: String?
        public var isAuthentic = false

        public init(_ records: [String: [String]] = [:], fault: String? = nil, isAuthentic: Bool = false) {
            self.records = records
            self.fault = fault
            self.isAuthentic = isAuthentic
        }

        public init(dictionaryLiteral elements: (String, [String])...) {
            self.init(Dictionary(elements) { $0 + $1 })
        }

        var json: [String: Any] {
            var members: [String: Any] = records
            members["fault"] = fault
            if isAuthentic { members["authentic"] = true }
            return members
        }
    }

    public let port: Int
    private let zone: URL
    private let process: OwnedProcess

    public static func start(_ zone: [String: Entry] = [:]) async throws -> TestDNSServer {
        let directory = try OwnedProcess.makeDirectory("dns", forUser: nil)
        let file = directory.appending(path: "zone.json")
        try write(zone, to: file)
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let portFile = directory.appending(path: "port")
        let process = try OwnedProcess(
            [
                "/usr/bin/python3", root.appending(path: "Tools/dnsserver").path(), "--print-port-file", portFile.path(), "--zone", file.path(),
            ], directory: directory, stopSignal: "KILL", log: "dns.log")
        for _ in 0..<400 {
            if let text = try? String(contentsOf: portFile, encoding: .utf8), let port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) {
                return TestDNSServer(port: port, zone: file, process: process)
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw OwnedProcess.Failure(description: "the DNS server did not start")
    }

    private init(port: Int, zone: URL, process: OwnedProcess) {
        self.port = port
        self.zone = zone
        self.process = process
    }

    /// As the setting `dns.server` has it.
    public var address: String { "127.0.0.1:\(port)" }

    /// From now on this is what there is.
    public func publish(_ entries: [String: Entry]) throws {
        try Self.write(entries, to: zone)
    }

    private static func write(_ entries: [String: Entry], to file: URL) throws {
        try JSONSerialization.data(withJSONObject: entries.mapValues(\.json)).write(to: file, options: .atomic)
    }
}
