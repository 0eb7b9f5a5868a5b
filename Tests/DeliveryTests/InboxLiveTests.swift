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

@testable import Delivery

@Suite("The inbox as it changes")
struct InboxLiveTests {
    /// What a stream has written so far.
    private final class Written: Sendable {
        private let collected = Mutex("")
        private let ended = Mutex(false)

        var text: String { collected.withLock { $0 } }
        var hasEnded: Bool { ended.withLock { $0 } }
        var numbers: [String] { text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) } }

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

    /// A value that a test changes while something reads it.
    private final class Flag: Sendable {
        private let stored: Mutex<Bool>

        init(_ value: Bool) { stored = Mutex(value) }

        var value: Bool { stored.withLock { $0 } }

        func set(_ value: Bool) { stored.withLock { $0 = value } }
    }

    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Without a flag nobody vouches for the sessions, so that streams end after a while.
    private func live(_ ground: InboxGround, _ isLive: Flag? = nil, seats: StreamSeats = StreamSeats(of: "the inbox", ofOne: 30)) -> (InboxLive, SessionWatch) {
        var auth = RPCRouter(service: .auth)
        if let isLive {
            auth.on(AuthRPC.LivingSessions.self) { request, _ in
                AuthRPC.LivingSessions.Result(living: isLive.value ? request.sessions : [])
            }
        }
        let watch = SessionWatch(auth: .local(auth, caller: .delivery), logger: quiet)
        return (InboxLive(store: InboxStore(database: ground.fixture.house.house.api), watch: watch, seats: seats), watch)
    }

    private func person(_ tenant: TenantID, workspaces: [WorkspaceID]? = nil) -> Identity {
        Identity(
            tenant: tenant, user: UserID(UUID()), name: "Ada", role: .viewer, isVerified: true, workspaces: workspaces, session: SessionID(UUID()))
    }

    @Test("an answer is seen when it has come, then what is done with it, and nothing more when the session ends")
    func follows() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        let isLive = Flag(true)
        let (live, watch) = live(ground, isLive)
        let response = try await live.stream(after: nil, for: person(ground.tenant))
        let elsewhere = try await live.stream(after: nil, for: person(ground.tenant, workspaces: [WorkspaceID(UUID())]))
        let stranger = try await live.stream(after: nil, for: person(TenantID(UUID())))
        let (written, others) = (Written(), [Written(), Written()])
        try await ground.fixture.house.withBackground([watch]) {
            async let streaming: Void = response.body.write(written.writer())
            async let unseen: Void = elsewhere.body.write(others[0].writer())
            async let strange: Void = stranger.body.write(others[1].writer())
            try await ground.take(.init(answers: [identifier]))
            try await eventually("the thread came", within: .seconds(5)) { written.numbers == ["1"] }
            #expect(written.text.contains("event: thread") && written.text.contains(#""contact":"ada@lead.example""#))
            let thread = try await ground.thread()
            #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(thread)/archive").status == 200)
            try await eventually("its change came") { written.numbers == ["1", "2"] }
            #expect(written.text.contains(#""state":"archived""#))
            // Again is no change.
            #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(thread)/archive").status == 200)
            try await ground.take(.init(answers: [identifier], uid: 2))
            try await eventually("the next came") { written.numbers == ["1", "2", "3"] }
            isLive.set(false)
            try await eventually("the streams have ended") { written.hasEnded && others.allSatisfy(\.hasEnded) }
            _ = try await (streaming, unseen, strange)
            try await ground.take(.init(answers: [identifier], uid: 3))
            #expect(written.numbers == ["1", "2", "3"])
        }
        for other in others { #expect(other.numbers.isEmpty) }
    }

    @Test("a stream begins where its reader was; each thread comes once, as it is now")
    func begins() async throws {
        let ground = try await InboxGround.make()
        for number in 1...3 {
            let identifier = try await ground.sent("transactional:\(number)", to: "lead\(number)@lead.example")
            try await ground.take(.init(from: "lead\(number)@lead.example", answers: [identifier], uid: UInt32(number)))
        }
        let first: InboxThreadID = try await ground.database.query("select id from inbox_threads where change = 1")[0].decode("id")
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(first)/read").status == 200)
        func numbers(after change: String?) async throws -> [String] {
            let headers: HTTPFields = change.map { [.lastInboxEvent: $0] } ?? [:]
            // Nobody vouches for the session here, so the stream ends by itself.
            let answer = try await ground.ask(.get, "/api/v1/inbox/live", role: .viewer, headers: headers)
            #expect(answer.status == 200)
            return answer.body.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
        }
        #expect(try await numbers(after: nil) == [])
        #expect(try await numbers(after: "0") == ["2", "3", "4"])
        #expect(try await numbers(after: "3") == ["4"])
        #expect(try await numbers(after: "99") == [])
        #expect(try await ground.ask(.get, "/api/v1/inbox/live", headers: [.lastInboxEvent: "-1"]).status == 400)
        #expect(try await ground.ask(.get, "/api/v1/inbox/live", headers: [.lastInboxEvent: "x"]).status == 400)
    }

    @Test("numbers come in the order of commits: a change that is not committed keeps the later ones from being read past it")
    func order() async throws {
        let ground = try await InboxGround.make()
        var threads: [InboxThreadID] = []
        for number in 1...2 {
            let identifier = try await ground.sent("transactional:\(number)", to: "lead\(number)@lead.example")
            try await ground.take(.init(from: "lead\(number)@lead.example", answers: [identifier], uid: UInt32(number)))
            threads.append(try await ground.database.query("select id from inbox_threads where change = \(number)")[0].decode("id"))
        }
        let (one, other) = (threads[0], threads[1])
        let tenant = ground.tenant
        let store = InboxStore(database: ground.fixture.house.house.api)
        try await ground.database.transaction { transaction in
            try await InboxWriter.stamp([one], of: tenant, in: transaction)
            let second = Task { try await ground.database.transaction { try await InboxWriter.stamp([other], of: tenant, in: $0) } }
            try await eventually("the second waits for the first") {
                try await ground.number("select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and query like '%inbox_heads%'")
                    > 0
            }
            #expect(try await store.head(of: tenant) == 2)
            // The second comes to its end with this transaction's commit.
            _ = second
        }
        try await eventually("both are in") { try await store.head(of: tenant) == 4 }
        #expect(try await store.changed(after: 2, upTo: 4, of: tenant, limit: 10).map(\.id) == [one, other])
    }

    @Test("so many follow at once, of a company and of all; who has gone makes room, also before anything was written")
    func seats() async throws {
        let ground = try await InboxGround.make()
        let (live, _) = live(ground, seats: StreamSeats(of: "the inbox", most: 2, ofOne: 1))
        let (ada, bo, cy) = (person(ground.tenant), person(TenantID(UUID())), person(TenantID(UUID())))
        var held = [try await live.stream(after: nil, for: ada)]
        let second = await #expect(throws: Problem.self) { try await live.stream(after: nil, for: ada) }
        #expect(second?.status == .tooManyRequests && second?.headers[.retryAfter] != nil)
        held.append(try await live.stream(after: nil, for: bo))
        let third = await #expect(throws: Problem.self) { try await live.stream(after: nil, for: cy) }
        #expect(third?.kind == "too_many_streams")
        held.removeFirst()
        held.append(try await live.stream(after: nil, for: ada))
        #expect(held.count == 2)
    }
}
