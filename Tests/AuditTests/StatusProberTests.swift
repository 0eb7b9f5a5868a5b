import AsyncHTTPClient
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams
import Synchronization
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
        let database = try await postgres.database().configuration(role: "audit_worker")
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

    @Test("a part that hangs has failed in every round, no more than two looks hang, the others stay fresh, and it is well when it answers again")
    func hanging() async throws {
        let gate = Gate()
        let hangs = Probe(name: "smtp") { _ in
            await gate.wait()
            return .good
        }
        try await whileProbing([hangs, Probe(name: "redis") { _ in .good }], deadline: .milliseconds(100)) {
            try await eventually("the outage shows") { state(of: "smtp") == .down }
            let seen = checkedAt("smtp")
            try await eventually("later rounds are counted") { checkedAt("smtp") != seen && board.samples["smtp"]?.count == 5 }
            #expect(board.samples["smtp"]?.allSatisfy { $0.health == .bad && $0.latency >= .milliseconds(100) } == true)
            #expect(gate.waited == BoundedLook.maximumHanging)
            #expect(state(of: "redis") == .operational)
            gate.open()
            try await eventually("it is well again") { state(of: "smtp") == .operational }
        }
    }

    @Test("a server that takes the call and never says a word is down")
    func mute() async throws {
        let listener = try MuteListener()
        let postgres = PostgresConfiguration(host: "127.0.0.1", port: listener.port, database: "none", role: "none", password: "none")
        let redis = RedisConfiguration(host: "127.0.0.1", port: listener.port)
        let address = "http://127.0.0.1:\(listener.port)"
        let probes: [Probe] = [
            .database(postgres), .redis(redis), .api([address]), .part("inbox", of: address), Probe(name: "smtp") { _ in .good },
        ]
        // What waits for the drivers' own patience would not be there yet.
        try await whileProbing(probes, deadline: .milliseconds(300)) {
            try await eventually("each of them is down", within: .seconds(4)) {
                ["database", "redis", "api"].allSatisfy { state(of: $0) == .down }
            }
            #expect(state(of: "smtp") == .operational && state(of: "inbox") == .unknown && checkedAt("inbox") == nil)
        }
        withExtendedLifetime(listener) {}
    }

    @Test("one session that hangs for ever is a failed look, and does not blind the next ones")
    func hungSession() async throws {
        let database = try await TestPostgres.shared.database().configuration(role: "audit_worker")
        let line = try await TestLine.start(to: database.port)
        var through = database
        through.port = line.port
        line.holdAnswers(from: "select 1 as one")
        try await whileProbing([.database(through)], deadline: .milliseconds(500)) {
            try await eventually("a failed look") { board.samples["database"]?.contains { $0.health == .bad } == true }
            #expect(line.isHolding)
            try await eventually("the next ones answer") { state(of: "database") == .operational }
        }
        withExtendedLifetime(line) {}
    }

    @Test("the API is impaired while some services are not ready, or while only Redis is away; bad when none is there")
    func readiness() async throws {
        func health(_ answers: [String]) async throws -> Sample.Health? {
            let peers = answers.map { Peer($0) }
            return try await Self.serving(peers) { addresses in await Self.look(.api(addresses)) }
        }
        let (good, late, bad) = (#"{"checks":{"postgres":true}}"#, #"{"checks":{"postgres":true,"redis":false}}"#, #"{"checks":{"postgres":false}}"#)
        #expect(try await health([good, good]) == .good)
        #expect(try await health([good, bad]) == .impaired)
        #expect(try await health([late, late]) == .impaired)
        #expect(try await health([bad, bad]) == .bad)
        #expect(try await health(["not a readiness", "{}"]) == .bad)
    }

    @Test("a part of another service is unknown until that names it, fares as it says, and fails with it once it was named")
    func parts() async throws {
        let peer = Peer(#"{"checks":{"postgres":true}}"#)
        let probe = try await Self.serving([peer]) { addresses in
            let probe = Probe.part("inbox", of: addresses[0])
            #expect(await Self.look(probe) == nil)
            let words: [(String, Sample.Health?)] = [
                ("good", .good), ("impaired", .impaired), ("bad", .bad), ("splendid", nil), ("good", .good),
            ]
            for (word, expected) in words {
                // Also one that is not ready speaks of its parts.
                peer.say(#"{"checks":{"postgres":false},"parts":{"inbox":"\#(word)"}}"#)
                #expect(await Self.look(probe) == expected, "\(word)")
            }
            return probe
        }
        #expect(await Self.look(probe) == .bad)
        #expect(await Self.look(.part("inbox", of: "http://127.0.0.1:1")) == nil)
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

    private func checkedAt(_ part: String) -> Date? {
        board.components(now: clock.now).first { $0.name == part }?.checkedAt
    }

    private static func look(_ probe: Probe) async -> Sample.Health? {
        await BoundedLook(probe, deadline: .seconds(10)).look(.shared)?.health
    }

    /// Gives the addresses of services that say of themselves what a test has them say.
    private static func serving<Value: Sendable>(
        _ peers: [Peer], addresses: [String] = [], _ body: @escaping @Sendable ([String]) async throws -> Value
    ) async throws -> Value {
        guard let peer = peers.first else { return try await body(addresses) }
        let router = Router(context: BasicRequestContext.self)
        router.get("/readyz") { _, _ in peer.answer }
        return try await LoopbackServer.serve(router) { address in
            try await serving(Array(peers.dropFirst()), addresses: addresses + [address], body)
        }
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

    private func whileProbing(_ probes: [Probe], deadline: Duration = Probe.deadline, _ body: () async throws -> Void) async throws {
        let prober = StatusProber(
            board: board, probes: probes, interval: .milliseconds(50), certificates: "", clock: clock, logger: logger, deadline: deadline)
        let group = ServiceGroup(configuration: .init(services: [prober], logger: logger))
        async let running: Void = group.run()
        let result = await Result(catching: body)
        await group.triggerGracefulShutdown()
        try await running
        try result.get()
    }
}

/// Whoever comes waits until it is opened, also when nobody wants it to any more.
private final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waited = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var waited: Int { state.withLock { $0.waited } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                guard !state.isOpen else { return true }
                state.waited += 1
                state.waiters.append(continuation)
                return false
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// What a service says at `/readyz`.
private final class Peer: Sendable {
    private let said: Mutex<String>

    init(_ text: String) {
        said = Mutex(text)
    }

    var answer: String { said.withLock { $0 } }

    func say(_ text: String) {
        said.withLock { $0 = text }
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
