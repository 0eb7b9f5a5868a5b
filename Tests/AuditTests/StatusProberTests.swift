import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import TestSupport
import Testing

@testable import Audit

@Suite("The status while things break")
struct StatusProberTests {
    private let board = StatusBoard()
    private let clock = WallClock.system
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("Postgres stops and the status says so; it comes back and the status says that")
    func withoutPostgres() async throws {
        let postgres = TestPostgres()
        let database = Database(try await postgres.database().configuration(role: "audit_api"), connections: 1)
        try await whileProbing([.database(database), Probe(name: "redis") { _ in .good }]) {
            try await eventually("all is well") { try await status().body == "operational" }
            try await postgres.stop()
            try await eventually("the outage shows") { state(of: "database") == .down }
            let answer = try await status()
            #expect(answer.code == 200)
            #expect(answer.body == "degraded")
            #expect(state(of: "redis") == .operational)
            try await postgres.start()
            try await eventually("all is well again") { try await status().body == "operational" }
        }
    }

    @Test("a part that hangs leaves the others fresh")
    func hanging() async throws {
        let hangs = Probe(name: "smtp") { _ in
            try await Task.sleep(for: .seconds(3_600))
            return .good
        }
        try await whileProbing([hangs, Probe(name: "redis") { _ in .good }]) {
            let first = { board.components(now: clock.now).first { $0.name == "redis" }?.checkedAt }
            try await eventually("a first look") { first() != nil }
            let seen = first()
            try await eventually("a later look") { first() != seen }
            #expect(state(of: "smtp") == .unknown)
        }
    }

    @Test("an answer that did not change is a 304 without a body, one that did is sent")
    func caching() async throws {
        board.add(Sample(health: .good, latency: .milliseconds(3), at: clock.now), to: "redis")
        for (path, later) in [("/api/v1/status", 0.01), ("/status", 0.02)] {
            let (first, second) = try await client { client in
                let first = try await client.execute(uri: path, method: .get)
                let tag = try #require(first.headers[.eTag])
                #expect(first.headers[.cacheControl] == "public, max-age=30")
                return (first, try await client.execute(uri: path, method: .get, headers: [.ifNoneMatch: "\"other\", W/\(tag)"]))
            }
            #expect(first.status == .ok && first.body.readableBytes > 0)
            #expect(second.status == .notModified && second.body.readableBytes == 0)
            #expect(second.headers[.eTag] == first.headers[.eTag])
            board.add(Sample(health: .bad, latency: .milliseconds(3), at: clock.now.addingTimeInterval(later)), to: "redis")
            let tag = try #require(first.headers[.eTag])
            let third = try await client { try await $0.execute(uri: path, method: .get, headers: [.ifNoneMatch: tag]) }
            #expect(third.status == .ok)
            let head = try await client { try await $0.execute(uri: path, method: .head) }
            #expect(head.status == .ok && head.body.readableBytes == 0 && head.headers[.eTag] == third.headers[.eTag])
        }
    }

    @Test(
        "the whole is as good as its parts; what was looked at once and is not any more is no good sign",
        arguments: [
            ([], ComponentStatus.unknown), ([.operational, .operational], .operational), ([.operational, .degraded], .degraded),
            ([.operational, .down], .degraded), ([.down, .down], .down), ([.operational, .unknown], .degraded), ([.unknown, .unknown], .unknown),
        ] as [([ComponentStatus], ComponentStatus)])
    func overall(parts: [ComponentStatus], expected: ComponentStatus) {
        let never = StatusBoard.Component(name: "never", status: .unknown, latencyMs: nil, checkedAt: nil)
        let components = parts.map { StatusBoard.Component(name: "part", status: $0, latencyMs: 1, checkedAt: clock.now) }
        #expect(StatusRoutes.overall(components + [never]) == expected)
    }

    private func state(of part: String) -> ComponentStatus? {
        board.components(now: clock.now).first { $0.name == part }?.status
    }

    private func status() async throws -> (code: Int, body: String?) {
        try await client { client in
            try await client.execute(uri: "/api/v1/status", method: .get) { response in
                let object = try JSONSerialization.jsonObject(with: Data(response.body.readableBytesView)) as? [String: Any]
                return (response.status.code, object?["status"] as? String)
            }
        }
    }

    private func client<Value: Sendable>(_ body: @escaping @Sendable (any TestClientProtocol) async throws -> Value) async throws -> Value {
        let router = Router(context: AppContext.self, options: .autoGenerateHeadEndpoints)
        StatusRoutes(board: board, clock: clock).add(to: router)
        return try await Application(router: router, logger: logger).test(.router, body)
    }

    private func whileProbing(_ probes: [Probe], _ body: () async throws -> Void) async throws {
        let prober = StatusProber(board: board, probes: probes, interval: .milliseconds(50), certificates: "", clock: clock, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [prober], logger: logger))
        async let running: Void = group.run()
        let result = await Result(catching: body)
        await group.triggerGracefulShutdown()
        try await running
        try result.get()
    }
}

extension Result where Failure == any Error {
    fileprivate init(catching body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
