import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Keeps a folder as the table says: for each host with a certificate one file `<host>.pem`, its key first, and none for any other.
///
/// nginx opens a host's file when somebody comes for that host, so neither a new certificate nor a new host needs it to read its configuration
/// again. Files are replaced in one step, and several replicas may keep the same folder.
actor CertificateFolder: Service {
    private static let batch = 500
    /// Certificates change seldom; what was removed is looked for less often still.
    private static let wholeEvery: TimeInterval = 300
    /// Clocks of replicas differ, and transactions end later than they begin.
    private static let overlap: TimeInterval = 300

    private let folder: URL
    private let database: Database
    private let keyring: Keyring
    private let clock: WallClock
    private let logger: Logger
    private let executor = ThreadExecutor(name: "certificate folder")
    /// What stands there, by host, and since when in the table.
    private var written: [String: Date] = [:]
    private var lookedAt: Date?
    private var wholeAt: Date?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(folder: String, database: Database, keyring: Keyring, clock: WallClock, logger: Logger) {
        self.folder = URL(filePath: folder, directoryHint: .isDirectory)
        self.database = database
        self.keyring = keyring
        self.clock = clock
        self.logger = logger
    }

    nonisolated func run() async throws {
        await repeatWork(
            "writing certificates", logger: logger, rest: { try? await Task.sleep(for: .seconds(2)) },
            step: {
                try await self.keep()
                return false
            })
    }

    /// Writes what has changed, and from time to time looks at everything.
    func keep() async throws {
        let now = clock.now
        if let wholeAt, let lookedAt, now < wholeAt.addingTimeInterval(Self.wholeEvery) {
            _ = try await write(changedAfter: lookedAt.addingTimeInterval(-Self.overlap))
        } else {
            try prepare()
            written = [:]
            let hosts = try await write(changedAfter: Date(timeIntervalSince1970: 0))
            try clear(keeping: hosts)
            wholeAt = now
        }
        lookedAt = now
    }

    /// The hosts that were looked at.
    private func write(changedAfter start: Date) async throws -> Set<String> {
        var hosts: Set<String> = []
        var last = ""
        while true {
            // Two companies can have had a host one after the other: the newer certificate is as good for both.
            let rows = try await database.query(
                """
                select distinct on (host) host, tenant_id, certificate, key_sealed, changed_at from tracking_certificates
                where certificate is not null and changed_at > \(start) and host > \(last) order by host, changed_at desc limit \(Self.batch)
                """)
            for row in rows {
                let host: String = try row.decode("host")
                let changed: Date = try row.decode("changed_at")
                last = host
                guard Self.isName(host) else { continue }
                hosts.insert(host)
                if let known = written[host], known >= changed { continue }
                // What cannot be unsealed stands in nobody else's way; the file that is there stays.
                guard let key = try? keyring.open(try row.decode("key_sealed"), for: CertificateOrders.place(host, of: try row.decode("tenant_id")))
                else {
                    logger.error("a certificate's key cannot be unsealed", metadata: ["host": "\(host)"])
                    continue
                }
                let text = IssuedCertificate.file(chain: try row.decode("certificate"), key: String(decoding: key, as: UTF8.self))
                try replace(host, with: Data(text.utf8))
                written[host] = changed
            }
            if rows.count < Self.batch { return hosts }
        }
    }

    /// Only we, and the gateway by the folder's group, may look in.
    private func prepare() throws {
        guard !FileManager.default.fileExists(atPath: folder.path(percentEncoded: false)) else { return }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
    }

    private func replace(_ host: String, with content: Data) throws {
        let path = folder.appending(path: "\(host).pem")
        if (try? Data(contentsOf: path)) == content { return }
        let partial = folder.appending(path: ".\(host).\(randomBytes(6).base64URL).partial")
        guard FileManager.default.createFile(atPath: partial.path(percentEncoded: false), contents: nil, attributes: [.posixPermissions: 0o640])
        else {
            throw CocoaError(.fileWriteUnknown)
        }
        do {
            let file = try FileHandle(forWritingTo: partial)
            try file.write(contentsOf: content)
            try file.synchronize()
            try file.close()
            guard rename(partial.path(percentEncoded: false), path.path(percentEncoded: false)) == 0 else { throw CocoaError(.fileWriteUnknown) }
        } catch {
            try? FileManager.default.removeItem(at: partial)
            throw error
        }
        logger.info("certificate written", metadata: ["host": "\(host)"])
    }

    /// Files of hosts that are gone, and what a process that was killed did not finish; nothing that is not ours.
    private func clear(keeping hosts: Set<String>) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)) {
            let isOld = name.hasSuffix(".pem") && Self.isName(String(name.dropLast(4))) && !hosts.contains(String(name.dropLast(4)))
            guard isOld || (name.hasPrefix(".track.") && name.hasSuffix(".partial") && isStale(name)) else { continue }
            try? FileManager.default.removeItem(at: folder.appending(path: name))
        }
    }

    private func isStale(_ name: String) -> Bool {
        let changed =
            (try? FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path(percentEncoded: false))[.modificationDate]) as? Date
        // By the machine's clock, as the file system has it.
        return changed.map { $0 < Date().addingTimeInterval(-3_600) } ?? false
    }

    /// A tracking host, and nothing that leads out of the folder.
    static func isName(_ host: String) -> Bool {
        host.hasPrefix("track.") && host.utf8.count <= 253
            && host.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
    }
}
