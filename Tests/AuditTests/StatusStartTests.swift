import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@testable import Audit

/// Takes calls, since the kernel does, and never says a word.
final class MuteListener: Sendable {
    struct Failure: Error {}

    let port: Int
    private let descriptor: Int32

    init() throws {
        let port = try freePort()
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard bound == 0, listen(descriptor, 128) == 0 else { throw Failure() }
        self.port = port
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }
}

@Suite("Audit starts while the database is away", .timeLimit(.minutes(5)))
struct StatusStartTests {
    private static let paths = ["/api/v1/status", "/api/v1/status/uptime", "/api/v2/summary.json", "/status", "/status/feed.atom"]

    @Test("started without Postgres it says so at once, makes its schema when Postgres comes, and says so again when it is started anew without")
    func withoutPostgres() async throws {
        let postgres = TestPostgres()
        let database = try await postgres.database()
        let redis = try await TestRedis.start()
        try await postgres.stop()
        let audit = try ServiceProcess(
            .audit, on: database, redis: redis.configuration, settings: ["status.interval.milliseconds": "100"])
        try audit.start()
        try await Self.answersWithoutDatabase(audit)

        try await postgres.start()
        try await eventually("it is ready", within: .seconds(60)) { await Self.get(Self.readiness(of: audit))?.code == 200 }
        try await eventually("the database is well") { await Self.state("database", audit) == "operational" }
        try await eventually("the history is there") { await Self.object(audit)?["history_at"] != nil }
        let worker = Database(database.configuration(role: "audit_worker"), connections: 1)
        try await eventually("what was seen is kept") {
            try await worker.query("select component from status_components where component = 'database'").count == 1
        }

        #expect(audit.kill(), "\(audit.log.suffix(2_000))")
        try await postgres.stop()
        try audit.start()
        try await Self.answersWithoutDatabase(audit)
        #expect(await Self.object(audit)?["history_at"] == nil)
        #expect(audit.kill(), "\(audit.log.suffix(2_000))")
    }

    @Test("a Postgres that takes the call and never answers holds up neither the start nor the answers")
    func mutePostgres() async throws {
        let listener = try MuteListener()
        let database = try await TestPostgres.shared.database()
        let audit = try ServiceProcess(
            .audit, on: database, postgresPort: listener.port, settings: ["status.interval.milliseconds": "100"])
        try audit.start()
        try await Self.answersWithoutDatabase(audit)
        #expect(audit.kill(), "\(audit.log.suffix(2_000))")
        withExtendedLifetime(listener) {}
    }

    /// Everything public answers, the database is down, and nothing is made up about earlier times.
    private static func answersWithoutDatabase(_ audit: ServiceProcess) async throws {
        try await eventually("the status says that the database is down", within: .seconds(30)) { await state("database", audit) == "down" }
        for path in paths {
            let answer = await get(audit.address + path)
            #expect(answer?.code == 200, "\(path)")
            #expect(answer?.body.contains("127.0.0.1") == false, "\(path)")
        }
        let status = await object(audit)
        #expect(status?["history_at"] == nil && status?["status"] as? String != "operational")
        let components = status?["components"] as? [[String: Any]] ?? []
        #expect(components.count == Probe.names.count && components.allSatisfy { $0["uptime_percent"] == nil })
        #expect(await get(audit.address + "/status")?.body.contains("The history is not available") == true)
        #expect(await get(readiness(of: audit))?.code == 503)
    }

    private static func readiness(of audit: ServiceProcess) -> String {
        audit.health.replacing("/healthz", with: "/readyz")
    }

    private static func state(_ component: String, _ audit: ServiceProcess) async -> String? {
        let components = await object(audit)?["components"] as? [[String: Any]]
        return components?.first { $0["name"] as? String == component }?["status"] as? String
    }

    private static func object(_ audit: ServiceProcess) async -> [String: Any]? {
        guard let body = await get(audit.address + "/api/v1/status")?.body else { return nil }
        return try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
    }

    private static func get(_ url: String) async -> (code: UInt, body: String)? {
        guard let response = try? await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(15)),
            let body = try? await response.body.collect(upTo: 1 << 20)
        else { return nil }
        return (response.status.code, String(buffer: body))
    }
}
