import Foundation
public import Postgres
import Synchronization

/// A private Postgres cluster on a free port, with the five services' roles; it ends with the test process.
public actor TestPostgres {
    /// The one that tests share; each takes a database of its own from it.
    public static let shared = TestPostgres()

    private var started: Task<Cluster, any Error>?
    private var counter = 0

    public init() {}

    /// A fresh database with roles and empty schemas.
    public func database() async throws -> TestDatabase {
        let cluster = try await cluster()
        counter += 1
        let name = "test_\(counter)"
        try await cluster.administrate("create database \(name) template penguin_template")
        return TestDatabase(name: name, port: cluster.port)
    }

    /// Stops the server as a crash would, or in order, and starts it again on the same port.
    public func restart(immediately: Bool = true) async throws {
        try await stop(immediately: immediately)
        try await start()
    }

    public func stop(immediately: Bool = true) async throws {
        let cluster = try await cluster()
        try cluster.control(["stop", "-m", immediately ? "immediate" : "fast", "-w"])
    }

    public func start() async throws {
        let cluster = try await cluster()
        try cluster.start()
    }

    private func cluster() async throws -> Cluster {
        if let started { return try await started.value }
        let task = Task.detached { try await Cluster.make() }
        started = task
        return try await task.value
    }
}

/// One database of a test cluster; all its roles have the password `test`.
public struct TestDatabase: Sendable {
    public let name: String
    let port: Int

    /// `auth_api`, `delivery_worker`, …; `postgres` is the superuser.
    public func configuration(role: String) -> PostgresConfiguration {
        PostgresConfiguration(host: "127.0.0.1", port: port, database: name, role: role, password: "test")
    }
}

/// The running server behind a ``TestPostgres``.
private final class Cluster: Sendable {
    let port: Int
    private let directory: URL
    private let user: String?
    private let server: Mutex<OwnedProcess?>

    static func make() async throws -> Cluster {
        let user = getuid() == 0 ? "postgres" : nil
        let directory = try OwnedProcess.makeDirectory("postgres", forUser: user)
        let cluster = Cluster(port: try OwnedProcess.freePort(), directory: directory, user: user)
        let password = directory.appending(path: "password")
        try "test".write(to: password, atomically: true, encoding: .utf8)
        if let user { try OwnedProcess.run(["chown", user, password.path()]) }
        try OwnedProcess.run(
            cluster.command(
                "initdb",
                [
                    "-D", cluster.data, "-U", "postgres", "--auth=scram-sha-256", "--pwfile=\(password.path())", "--no-sync", "--encoding=UTF8",
                    "--locale=C.UTF-8",
                ]))
        try cluster.start()
        try await cluster.administrate("create database penguin_template")
        try cluster.bootstrap()
        return cluster
    }

    private init(port: Int, directory: URL, user: String?) {
        self.port = port
        self.directory = directory
        self.user = user
        server = Mutex(nil)
    }

    private var data: String { directory.appending(path: "data").path() }

    /// Starts the server and waits until it answers.
    func start() throws {
        try server.withLock { server in
            server = try OwnedProcess(
                command(
                    "postgres",
                    [
                        "-D", data, "-p", "\(port)", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                        "-c", "fsync=off", "-c", "max_connections=300", "-c", "shared_buffers=64MB", "-c", "log_min_messages=warning",
                    ]),
                directory: directory, stopSignal: "QUIT", log: "postgres.log")
        }
        for _ in 0..<200 {
            if (try? OwnedProcess.run([Self.binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", "\(port)"])) != nil { return }
            usleep(50_000)
        }
        let log = (try? String(contentsOf: directory.appending(path: "postgres.log"), encoding: .utf8)) ?? ""
        throw OwnedProcess.Failure(description: "Postgres did not start: \(log.suffix(1_000))")
    }

    func control(_ arguments: [String]) throws {
        try OwnedProcess.run(command("pg_ctl", ["-D", data] + arguments))
        server.withLock { $0 = nil }
    }

    /// For statements that take no parameters and no transaction, such as CREATE DATABASE.
    func administrate(_ statement: String) async throws {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(
                host: "127.0.0.1", port: port, database: "postgres", role: "postgres", password: "test", statementTimeout: .seconds(120)))
        try await connection.execute(script: statement)
        await connection.close()
    }

    private func bootstrap() throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Tools/postgres/bootstrap.sql").standardized
        var arguments = [Self.binary("psql"), "-q", "-X", "-h", "127.0.0.1", "-p", "\(port)", "-U", "postgres", "-d", "penguin_template"]
        for service in ["auth", "billing", "campaigns", "delivery", "audit"] {
            for kind in ["owner", "api", "worker"] { arguments += ["-v", "\(service)_\(kind)_password=test"] }
        }
        try OwnedProcess.run(arguments + ["-f", script.path()], environment: ["PGPASSWORD": "test"])
    }

    /// Postgres refuses to run as root.
    private func command(_ program: String, _ arguments: [String]) -> [String] {
        let call = [Self.binary(program)] + arguments
        guard let user else { return call }
        return ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--"] + call
    }

    private static func binary(_ name: String) -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.first
        return newest.map { "\(root)/\($0)/bin/\(name)" } ?? name
    }
}
