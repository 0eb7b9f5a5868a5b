import Contracts
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Postgres
import Primitives
import ServiceRuntime
import Synchronization
import TestSupport
import Testing

@testable import HTTP

@Suite("Idempotency-Key")
struct IdempotencyTests {
    /// A service that counts how often it really worked.
    private final class Counter: Sendable {
        let count = Mutex(0)
    }

    private static let identity = Identity(
        tenant: TenantID(UUID()), user: UserID(UUID()), name: "A", role: .owner, isVerified: true, workspaces: nil, session: SessionID(UUID()))

    private func database() async throws -> Database {
        let database = try await TestPostgres.shared.database()
        try await Migrator(
            database.configuration(role: "billing_owner"),
            migrations: [HouseTables.migration(for: .billing), HouseTables.repeatedHeaders("m0001_repeated_headers")]
        ).run(logger: Logger(label: "test"))
        return Database(database.configuration(role: "billing_api"), connections: 4)
    }

    private func send(
        _ keys: IdempotencyKeys, _ counter: Counter, key: String, body: String, failing: Problem? = nil
    ) async throws -> (Int, String) {
        let router = Router(context: AppContext.self)
        router.add(middleware: ProblemMiddleware())
        router.post("/things") { request, _ in
            let input = String(decoding: try await request.bytes(limit: 100), as: UTF8.self)
            return try await keys.once(request, as: Self.identity, body: input) {
                let number = counter.count.withLock { count in
                    count += 1
                    return count
                }
                if let failing { throw failing }
                return try Response.json(["number": number], status: .created)
            }
        }
        return try await Application(router: router).test(.router) { client in
            try await client.execute(uri: "/things", method: .post, headers: [.idempotencyKey: key], body: ByteBuffer(string: body)) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }

    @Test("the same key and body replay the stored answer; another body is refused; another key works")
    func replay() async throws {
        let keys = IdempotencyKeys(database: try await database(), clock: .system)
        let counter = Counter()
        let first = try await send(keys, counter, key: "k", body: "a")
        let second = try await send(keys, counter, key: "k", body: "a")
        #expect(first == (201, #"{"number":1}"#))
        #expect(second == first)
        #expect(try await send(keys, counter, key: "k", body: "b").0 == 422)
        #expect(try await send(keys, counter, key: "other", body: "a") == (201, #"{"number":2}"#))
    }

    @Test("a repeated answer has the headers of the first: what it is called and which revision it has")
    func headers() async throws {
        let keys = IdempotencyKeys(database: try await database(), clock: .system)
        let router = Router(context: AppContext.self)
        router.post("/things") { request, _ in
            try await keys.once(request, as: Self.identity, body: "a") {
                try Response.json(["name": "a"], status: .created, headers: [.eTag: #""7""#, .location: "/things/a"])
            }
        }
        try await Application(router: router).test(.router) { client in
            for _ in 0..<2 {
                try await client.execute(uri: "/things", method: .post, headers: [.idempotencyKey: "k"]) { answer in
                    #expect(answer.status == .created && String(buffer: answer.body) == #"{"name":"a"}"#)
                    #expect(answer.headers[.eTag] == #""7""# && answer.headers[.location] == "/things/a")
                    #expect(answer.headers[.contentType] == "application/json")
                }
            }
        }
    }

    @Test("of many at once one works, the others hear so or get its answer")
    func concurrent() async throws {
        let keys = IdempotencyKeys(database: try await database(), clock: .system)
        let counter = Counter()
        let codes = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<10 { group.addTask { try await send(keys, counter, key: "k", body: "a").0 } }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(counter.count.withLock { $0 } == 1)
        #expect(codes.isSubset(of: [201, 409]))
    }

    @Test("a refusal frees the key, since nothing was done")
    func refusalFrees() async throws {
        let keys = IdempotencyKeys(database: try await database(), clock: .system)
        let counter = Counter()
        #expect(try await send(keys, counter, key: "k", body: "a", failing: .forbidden("no")).0 == 403)
        #expect(try await send(keys, counter, key: "k", body: "a").0 == 201)
    }

    @Test("after a day the key is forgotten")
    func expiry() async throws {
        let clock = TestClock()
        let keys = IdempotencyKeys(database: try await database(), clock: clock.clock)
        let counter = Counter()
        #expect(try await send(keys, counter, key: "k", body: "a").0 == 201)
        clock.advance(by: .seconds(86_401))
        #expect(try await send(keys, counter, key: "k", body: "b") == (201, #"{"number":2}"#))
    }
}
