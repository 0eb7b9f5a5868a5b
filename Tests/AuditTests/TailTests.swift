import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Synchronization
import TestSupport
import Testing

@testable import Audit

/// What a stream has written so far.
private final class Written: Sendable {
    private let collected = Mutex("")
    private let ended = Mutex(false)

    var text: String { collected.withLock { $0 } }
    var hasEnded: Bool { ended.withLock { $0 } }
    var numbers: [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
    }

    func writer() -> any ResponseBodyWriter { Writer(written: self) }

    private struct Writer: ResponseBodyWriter {
        let written: Written

        mutating func write(_ buffer: ByteBuffer) async throws {
            written.collected.withLock { $0 += String(buffer: buffer) }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
            written.ended.withLock { $0 = true }
        }
    }
}

@Suite("The trail as it grows")
struct TailTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("entries come once each as they are written, and nothing more when the session ends")
    func follows() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take(try (0..<3).map { try fixture.event("thing.number_\($0)") })
        let isLive = Flag(true)
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.LivingSessions.self) { request, _ in
            AuthRPC.LivingSessions.Result(living: isLive.value ? request.sessions : [])
        }
        let watch = SessionWatch(auth: .local(auth, caller: .audit), logger: quiet)
        let tail = TrailTail(database: fixture.house.house.api, watch: watch, clock: fixture.house.clock.clock)
        let identity = Identity(
            tenant: fixture.tenant, user: UserID(UUID()), name: "Ada", role: .owner, isVerified: true, workspaces: nil, session: SessionID(UUID()))
        let response = try await tail.stream(TrailSearch(query: try SearchQuery("-action:thing.hidden")), after: 1, for: identity)
        let written = Written()
        try await fixture.house.withBackground([watch]) {
            async let streaming: Void = response.body.write(written.writer())
            try await eventually("what was there came") { written.numbers == ["2", "3"] }
            try await fixture.take([try fixture.event("thing.hidden"), try fixture.event("thing.later")])
            try await eventually("what is new came") { written.numbers == ["2", "3", "5"] }
            isLive.set(false)
            try await eventually("the stream has ended") { written.hasEnded }
            try await streaming
            try await fixture.take([try fixture.event("thing.unseen")])
            #expect(written.numbers == ["2", "3", "5"])
        }
        #expect(written.text.contains("\"thing.later\"") && !written.text.contains("thing.hidden"))
    }

    @Test("a stream begins where its reader was, for readers of this company's trail only")
    func begins() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take(try (0..<4).map { try fixture.event("thing.number_\($0)") })
        let path = "/api/v1/audit/tail"
        var identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        // Nobody vouches for the session here, so the stream ends by itself.
        let fresh = try await fixture.send(.get, path, as: identity)
        #expect(fresh.status == 200 && !fresh.body.contains("thing.number"))
        identity[.lastSeenEvent] = "2"
        let resumed = try await fixture.send(.get, path, as: identity)
        #expect(!resumed.body.contains("id: 2\n") && resumed.body.contains("id: 3\n") && resumed.body.contains("id: 4\n"))
        // Of what says when and in which order, nothing is looked at.
        for query in [["order": "backwards", "from": "soon"], ["order": "seq", "to": "2001-01-01T00:00:00Z"]] {
            let unread = try await fixture.send(.get, path, query: query, as: identity)
            #expect(unread.status == 200 && unread.body.contains("id: 3\n") && unread.body.contains("id: 4\n"), "\(unread.body)")
        }
        identity[.lastSeenEvent] = "-1"
        #expect(try await fixture.send(.get, path, as: identity).status == 400)
        let member = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .member)
        #expect(try await fixture.send(.get, path, as: member).status == 403)
        var stranger = try await fixture.house.identityHeader(tenant: TenantID(UUID()))
        stranger[.lastSeenEvent] = "0"
        #expect(try await !fixture.send(.get, path, as: stranger).body.contains("thing.number"))
    }

    @Test("so many follow at once, of a company and of all; who has gone makes room, also before anything was written")
    func seats() async throws {
        let fixture = try await AuditFixture.make()
        let tail = makeTail(of: fixture, seats: StreamSeats(of: "the trail", most: 2, ofOne: 1))
        let (ada, bo, cy) = (identity(of: fixture.tenant), identity(of: TenantID(UUID())), identity(of: TenantID(UUID())))
        var held = [try await tail.stream(TrailSearch(), after: nil, for: ada)]
        let second = await #expect(throws: Problem.self) { try await tail.stream(TrailSearch(), after: nil, for: ada) }
        #expect(second?.status == .tooManyRequests && second?.headers[.retryAfter] != nil)
        held.append(try await tail.stream(TrailSearch(), after: nil, for: bo))
        let third = await #expect(throws: Problem.self) { try await tail.stream(TrailSearch(), after: nil, for: cy) }
        #expect(third?.kind == "too_many_streams")
        held.removeFirst()
        held.append(try await tail.stream(TrailSearch(), after: nil, for: ada))
        // Nobody vouches for the session here, so the stream ends by itself.
        try await held[0].body.write(Written().writer())
        held.append(try await tail.stream(TrailSearch(), after: nil, for: bo))
        #expect(held.count == 3)
    }

    @Test("a look that takes longer than three seconds is given up; a number that is not there yet waits for nothing")
    func bounds() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.event("thing.do")])
        let tail = makeTail(of: fixture, seats: StreamSeats(of: "the trail", ofOne: 10))
        let slow = try await tail.stream(TrailSearch(), after: 0, for: identity(of: fixture.tenant))
        let owner = Database(fixture.house.database.configuration(role: "audit_owner"), connections: 1)
        try await owner.transaction { transaction in
            try await transaction.query("lock table trail_events in access exclusive mode")
            let problem = await #expect(throws: Problem.self) { try await slow.body.write(Written().writer()) }
            #expect(problem?.kind == "search_too_slow")
        }
        let ahead = try await tail.stream(TrailSearch(), after: 99, for: identity(of: fixture.tenant))
        try await fixture.take([try fixture.event("thing.later")])
        let written = Written()
        try await ahead.body.write(written.writer())
        #expect(written.numbers == ["2"])
    }

    @Test("a stream of support ends with its support session, although whoever reads stays signed in")
    func supportSession() async throws {
        let fixture = try await AuditFixture.make()
        let isRunning = Flag(true)
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.LivingSessions.self) { request, _ in
            AuthRPC.LivingSessions.Result(living: request.sessions, livingSupport: isRunning.value ? request.supportSessions : [])
        }
        let watch = SessionWatch(auth: .local(auth, caller: .audit), logger: quiet)
        let tail = TrailTail(database: fixture.house.house.api, watch: watch, clock: fixture.house.clock.clock)
        let sam = Identity(
            tenant: fixture.tenant, user: UserID(UUID()), name: "Sam", role: .viewer, isVerified: true, workspaces: nil, session: SessionID(UUID()),
            staff: .support, support: UUID())
        let response = try await tail.stream(TrailSearch(), after: nil, for: sam)
        let written = Written()
        try await fixture.house.withBackground([watch]) {
            async let streaming: Void = response.body.write(written.writer())
            try await fixture.take([try fixture.event("thing.seen")])
            try await eventually("what is new came") { written.numbers == ["1"] }
            isRunning.set(false)
            try await eventually("the stream has ended") { written.hasEnded }
            try await streaming
        }
    }

    /// Whose sessions nobody asks about, so that its streams end after a while.
    private func makeTail(of fixture: AuditFixture, seats: StreamSeats) -> TrailTail {
        let watch = SessionWatch(auth: .local(RPCRouter(service: .auth), caller: .audit), logger: quiet)
        return TrailTail(database: fixture.house.house.api, watch: watch, clock: fixture.house.clock.clock, seats: seats)
    }

    private func identity(of tenant: TenantID) -> Identity {
        Identity(
            tenant: tenant, user: UserID(UUID()), name: "Ada", role: .owner, isVerified: true, workspaces: nil, session: SessionID(UUID()))
    }
}

/// A value that a test changes while something reads it.
private final class Flag: Sendable {
    private let stored: Mutex<Bool>

    init(_ value: Bool) { stored = Mutex(value) }

    var value: Bool { stored.withLock { $0 } }

    func set(_ value: Bool) { stored.withLock { $0 = value } }
}
