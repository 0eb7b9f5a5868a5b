import Foundation
import Logging
import Primitives

/// Orders certificates by running lego, Debian's ACME client, each time in a folder of its own that only we may read and that is gone afterwards.
///
/// lego writes its answers to the authority's questions into that folder, where nobody asks for them: they follow from the token and the account
/// alone, so ``ChallengeRoutes`` gives them on any replica, and there is no moment at which the question can come before the answer.
actor Lego {
    /// Of one order; longer than the authority and lego's own patience take.
    static let limit = Duration.seconds(180)
    private static let prefix = "penguin-acme-"

    private let authority: CertificateSettings.Authority
    private let clock: WallClock
    private let logger: Logger
    private let executor = ThreadExecutor(name: "certificates")

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(authority: CertificateSettings.Authority, clock: WallClock, logger: Logger) {
        self.authority = authority
        self.clock = clock
        self.logger = logger
    }

    /// Removes what processes that were killed left behind, an hour ago or earlier.
    func tidy() {
        let folder = FileManager.default.temporaryDirectory
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))) ?? []
        for name in names where name.hasPrefix(Self.prefix) {
            let path = folder.appending(path: name)
            let changed = (try? FileManager.default.attributesOfItem(atPath: path.path(percentEncoded: false))[.modificationDate]) as? Date
            // By the machine's clock, as the file system has it.
            if let changed, changed < Date().addingTimeInterval(-3_600) { try? FileManager.default.removeItem(at: path) }
        }
    }

    /// A new certificate with a new key.
    func order(_ host: String, as account: CertificateAccount) async throws(CertificateFailure) -> IssuedCertificate {
        let folder = FileManager.default.temporaryDirectory.appending(path: Self.prefix + randomBytes(12).base64URL)
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = folder.appending(path: "output")
        let status: Int32?
        do {
            try prepare(folder, account)
            status = try await ChildProcess.run(
                authority.program, arguments(host, folder), environment: environment(folder), in: folder, output: output, limit: Self.limit)
        } catch {
            throw CertificateFailure(.client, "\(authority.program) cannot be run: \(error)")
        }
        let words = Self.end(of: output)
        guard let status else { throw CertificateFailure(.client, "the order was given up: \(words.suffix(300))") }
        guard status == 0 else {
            let failure = CertificateFailure.report(words, now: clock.now)
            logger.info("no certificate", metadata: ["host": "\(host)", "kind": "\(failure.kind)", "output": "\(words.suffix(1_000))"])
            throw failure
        }
        let issued = folder.appending(path: "certificates")
        guard let chain = try? String(contentsOf: issued.appending(path: "\(host).crt"), encoding: .utf8),
            let key = try? String(contentsOf: issued.appending(path: "\(host).key"), encoding: .utf8)
        else { throw CertificateFailure(.client, "lego left no certificate") }
        return try IssuedCertificate(chain: chain, key: key, host: host)
    }

    private func prepare(_ folder: URL, _ account: CertificateAccount) throws {
        let closed: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        let server = URL(string: authority.directory).map { url in url.port.map { "\(url.host() ?? "")_\($0)" } ?? url.host() ?? "" } ?? ""
        let keys = folder.appending(path: "accounts/\(server)/\(authority.contact)/keys")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false, attributes: closed)
        try FileManager.default.createDirectory(at: keys, withIntermediateDirectories: true, attributes: closed)
        try FileManager.default.createDirectory(at: folder.appending(path: "answers"), withIntermediateDirectories: false, attributes: closed)
        let file = keys.appending(path: "\(authority.contact).key").path(percentEncoded: false)
        guard FileManager.default.createFile(atPath: file, contents: Data(account.key.utf8), attributes: [.posixPermissions: 0o600]) else {
            throw CocoaError(.fileWriteUnknown)
        }
    }

    /// The account is registered again each time, which gives back the one that there is: so nothing is kept of it but its key.
    private func arguments(_ host: String, _ folder: URL) -> [String] {
        [
            "--path", folder.path(percentEncoded: false), "--server", authority.directory, "--email", authority.contact, "--accept-tos", "--key-type",
            "ec256",
            "--domains", host, "--http", "--http.webroot", folder.appending(path: "answers").path(percentEncoded: false), "--user-agent",
            "penguinmails", "run",
        ]
    }

    private func environment(_ folder: URL) -> [String: String] {
        let ours = ProcessInfo.processInfo.environment
        var environment = ["HOME": folder.path(percentEncoded: false), "TMPDIR": folder.path(percentEncoded: false), "PATH": "/usr/bin:/bin"]
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"] { environment[name] = ours[name] }
        if let trust = authority.trust { environment["LEGO_CA_CERTIFICATES"] = trust }
        return environment
    }

    /// What the program said last; the whole of it has no bound.
    private static func end(of output: URL) -> String {
        guard let file = try? FileHandle(forReadingFrom: output), let size = try? file.seekToEnd() else { return "" }
        defer { try? file.close() }
        try? file.seek(toOffset: size > 16_384 ? size - 16_384 : 0)
        return String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    }
}
