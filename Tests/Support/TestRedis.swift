import Foundation
public import Streams

/// A private Redis on a free port, empty and without persistence; it ends with the test process.
public actor TestRedis {
    public nonisolated let configuration: RedisConfiguration
    private let directory: URL
    private var server: OwnedProcess?

    public static func start() async throws -> TestRedis {
        let redis = TestRedis(
            port: try OwnedProcess.freePort(), directory: try OwnedProcess.makeDirectory("redis", forUser: nil))
        try await redis.start()
        return redis
    }

    private init(port: Int, directory: URL) {
        self.directory = directory
        configuration = RedisConfiguration(host: "127.0.0.1", port: port)
    }

    /// Starts it (again): what was in it before is gone.
    public func start() async throws {
        server = try OwnedProcess(
            [
                "redis-server", "--port", "\(configuration.port)", "--bind", "127.0.0.1", "--dir", directory.path(), "--save", "",
                "--appendonly", "no", "--maxmemory-policy", "noeviction",
            ], directory: directory, stopSignal: "KILL", log: "redis.log")
        for _ in 0..<400 {
            if let connection = try? await RedisConnection.connect(configuration) {
                // Somebody else's server may have taken the port in between.
                let answer = try await connection.command(["CONFIG", "GET", "dir"])
                await connection.close()
                let place = answer.array?.last?.string.map { URL(filePath: $0).standardized.path() }
                guard place.map(Self.trimmed) == Self.trimmed(directory.standardized.path()) else {
                    throw OwnedProcess.Failure(description: "another Redis answers on port \(configuration.port)")
                }
                return
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw OwnedProcess.Failure(description: "Redis did not start")
    }

    public func stop() {
        server?.stop()
        server = nil
    }

    public func flushAll() async throws {
        let connection = try await RedisConnection.connect(configuration)
        try await connection.command(["FLUSHALL"])
        await connection.close()
    }

    private static func trimmed(_ path: String) -> String {
        path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}
