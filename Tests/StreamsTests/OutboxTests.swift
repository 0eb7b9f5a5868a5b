import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Streams

@Suite("From the outbox to its readers")
struct OutboxTests {
    @Test("events arrive once, in order, and rows go when every reader has acknowledged")
    func wholeWay() async throws {
        let fixture = try await StreamsFixture.make()
        let heard = Heard()
        try await fixture.running([fixture.relay(), fixture.consumer(heard)]) {
            let names = try await fixture.tell(250)
            try await eventually("all are heard") { heard.names.count == 250 }
            #expect(heard.names == names)
            // Audit has not read yet: nothing may go.
            #expect(try await fixture.waitingRows() == 250)
            try await fixture.acknowledgeForOthers()
            try await eventually("acknowledged rows are gone") { try await fixture.waitingRows() == 0 }
        }
    }

    @Test("Redis emptied between relay and reader: nothing is missing, nothing twice")
    func flushed() async throws {
        let fixture = try await StreamsFixture.make()
        let heard = Heard()
        let names = try await fixture.running([fixture.relay()]) {
            let names = try await fixture.tell(50)
            try await eventually("all are published") {
                try await fixture.teller.query("select id from outbox where published_at is null").isEmpty
            }
            try await fixture.redis.flushAll()
            // Told after the flush and before the relay has noticed it.
            return names + (try await fixture.tell(50, from: 50))
        }
        try await fixture.running([fixture.relay(), fixture.consumer(heard)]) {
            try await eventually("all are heard") { Set(heard.names).count == 100 }
        }
        #expect(heard.names.sorted() == names.sorted())
    }

    @Test("Redis emptied again and again while events flow")
    func flushedWhileFlowing() async throws {
        let fixture = try await StreamsFixture.make()
        let heard = Heard()
        try await fixture.running([fixture.relay(), fixture.consumer(heard)]) {
            for round in 0..<5 {
                try await fixture.tell(40, from: round * 40)
                try await fixture.redis.flushAll()
            }
            try await eventually("all are heard", within: .seconds(40)) { Set(heard.names).count == 200 }
        }
        #expect(heard.names.count == 200)
    }

    @Test("while Redis is away the outbox grows; when an empty one is back everything drains")
    func away() async throws {
        let fixture = try await StreamsFixture.make()
        let heard = Heard()
        try await fixture.running([fixture.relay(), fixture.consumer(heard)]) {
            try await fixture.tell(10)
            try await eventually("the first are heard") { heard.names.count == 10 }
            await fixture.redis.stop()
            try await fixture.tell(10, from: 10)
            #expect(try await fixture.waitingRows() == 20)
            try await fixture.redis.start()
            try await eventually("the others too", within: .seconds(30)) { heard.names.count == 20 }
        }
    }

    @Test("a reader that dies after its commit and before its acknowledgement has its effect once")
    func diedBeforeAcknowledging() async throws {
        let fixture = try await StreamsFixture.make()
        try await fixture.running([fixture.relay()]) {
            try await fixture.tell(20)
            try await eventually("all are published") {
                try await fixture.teller.query("select id from outbox where published_at is null").isEmpty
            }
        }
        // What the reader had taken and recorded when it died.
        let connection = try await RedisConnection.connect(fixture.redis.configuration)
        let answer = try await connection.command(["XREADGROUP", "GROUP", "billing", "billing-1", "COUNT", "5", "STREAMS", "events:auth", ">"])
        let entries = (answer.array?.first?.array?.last?.array ?? []).compactMap(StreamEntry.init)
        let before = Heard()
        let intake = EventIntake(source: .auth, database: fixture.listener, logger: fixture.logger) { events, _ in try before.take(events) }
        try await intake.take(entries.map(IntakeEntry.init))
        #expect(before.names.count == 5)
        let after = Heard()
        try await fixture.running([fixture.consumer(after)]) {
            try await eventually("the rest is heard") { after.names.count == 15 }
        }
        #expect(Set(before.names).isDisjoint(with: after.names))
    }

    @Test("an event that cannot be taken goes into quarantine with its reason, the other ninety-nine land")
    func poison() async throws {
        let fixture = try await StreamsFixture.make()
        let heard = Heard(poison: ["tenant 42"])
        try await fixture.running([fixture.relay(), fixture.consumer(heard)]) {
            try await fixture.tell(100)
            let connection = try await RedisConnection.connect(fixture.redis.configuration)
            try await eventually("the stream is there") { (try? await connection.command(["XLEN", "events:auth"]).integer) == 100 }
            try await connection.command(["XADD", "events:auth", "*", "id", UUID().uuidString, "type", "x", "body", "not json \0"])
            try await eventually("all others are heard") { heard.names.count == 99 }
            try await eventually("both bad ones are kept") {
                try await fixture.listener.query("select reason from quarantined_events").count == 2
            }
        }
        let reasons = try await fixture.listener.query("select reason from quarantined_events").map { try $0.decode("reason", as: String.self) }
        #expect(Set(reasons) == ["cannot take tenant 42", "the body is not an event"])
    }

    @Test("of two relays one works, and the other takes over")
    func twoRelays() async throws {
        let fixture = try await StreamsFixture.make()
        let heard = Heard()
        try await fixture.running([fixture.relay(), fixture.relay(), fixture.consumer(heard)]) {
            try await fixture.tell(10)
            try await eventually("the first are heard") { heard.names.count == 10 }
            let ended = try await fixture.teller.query(
                """
                select pg_terminate_backend(l.pid) as done from pg_locks l
                where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = current_database())
                """)
            #expect(ended.count == 1)
            try await fixture.tell(10, from: 10)
            try await eventually("the others too", within: .seconds(30)) { Set(heard.names).count == 20 }
        }
        #expect(heard.names.count == 20)
    }

    @Test("a row that is committed late is published although later ones went before it")
    func lateCommit() async throws {
        let fixture = try await StreamsFixture.make()
        let heard = Heard()
        try await fixture.running([fixture.relay(), fixture.consumer(heard)]) {
            let early = try PendingEvent(
                AuthEvents.TenantCreated(tenant: TenantID(UUID()), name: "early"), at: Date(), tenant: nil, actor: .system("auth"))
            try await fixture.teller.transaction { transaction in
                try await fixture.outbox.append([early], in: transaction)
                try await fixture.tell(5)
                try await eventually("the later ones are heard") { heard.names.count == 5 }
            }
            try await eventually("the early one too") { heard.names.contains("early") }
        }
        #expect(heard.names.count == 6 && heard.names.last == "early")
    }

    @Test(
        "the mark below which everybody has read",
        arguments: [
            (["billing": "5-0", "audit": "9-0"], ["billing": nil, "audit": nil], StreamPosition(milliseconds: 5, sequence: 0)),
            (["billing": "5-0", "audit": "9-0"], ["billing": "3-1", "audit": nil], StreamPosition(milliseconds: 3, sequence: 0)),
            (["billing": "5-0", "audit": "9-0"], ["billing": "3-0", "audit": nil], StreamPosition(milliseconds: 2, sequence: .max)),
            (["billing": "5-0"], ["billing": nil, "audit": nil], nil),
        ] as [([String: String], [String: String?], StreamPosition?)])
    func lowWaterMark(delivered: [String: String], pending: [String: String?], expected: StreamPosition?) {
        func text(_ value: String) -> RedisValue { .text(Array(value.utf8)) }
        let groups = RedisValue.array(
            delivered.map { .array([text("name"), text($0.key), text("consumers"), .integer(1), text("last-delivered-id"), text($0.value)]) })
        let answers = ["billing", "audit"].map { name -> RedisValue in
            if let first = pending[name] ?? nil {
                .array([.integer(1), text(first), text(first), .null])
            } else {
                .array([.integer(0), .null, .null, .null])
            }
        }
        #expect(RelaySession.lowWaterMark(groups: groups, pending: answers, subscribers: ["billing", "audit"]) == expected)
    }
}

@Suite("Redis")
struct RedisTests {
    @Test("arguments may hold anything, and an error answer leaves the connection usable")
    func binary() async throws {
        let redis = try await TestRedis.start()
        let connection = try await RedisConnection.connect(redis.configuration)
        for value in ["", "a\0b", "\r\n", "日本", String(repeating: "x", count: 100_000)] {
            try await connection.command(["SET", "key", value])
            #expect(try await connection.command(["GET", "key"]).string == value)
        }
        let error = await #expect(throws: RedisError.self) { try await connection.command(["INCR", "key"]) }
        #expect(error?.code == .server)
        let answers = try await connection.pipeline([["SET", "n", "1"], ["INCR", "key"], ["INCR", "n"], ["GET", "none"]])
        #expect(answers[2] == .integer(2))
        #expect(answers[3] == .null)
        if case .error = answers[1] {} else { Issue.record("the error stands in its place") }
    }

    @Test("a blocked read ends at once when it is interrupted, and a client connects again after a restart")
    func interruption() async throws {
        let redis = try await TestRedis.start()
        let connection = try await RedisConnection.connect(redis.configuration)
        let read = Task { try await connection.command(["BLPOP", "nothing", "0"]) }
        let other = try await RedisConnection.connect(redis.configuration)
        try await eventually("it blocks") { try await other.command(["CLIENT", "LIST"]).string?.contains("cmd=blpop") == true }
        connection.interrupt()
        let result = await read.result
        #expect(throws: RedisError.self) { try result.get() }
        let client = RedisClient(redis.configuration)
        try await client.command(["PING"])
        await redis.stop()
        try await redis.start()
        try await eventually("the client works again") { (try? await client.command(["PING"])) != nil }
    }
}
