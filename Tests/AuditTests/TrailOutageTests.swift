import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import TestSupport
import Testing

@testable import Audit
@testable import Streams

/// Acknowledges what Campaigns tells Delivery; while Redis is away or has forgotten the group it tries again.
private struct Bystander: Service {
    let redis: RedisConfiguration

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await acknowledge()
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func acknowledge() async throws {
        let connection = try await RedisConnection.connect(redis)
        defer { Task { await connection.close() } }
        let group = ServiceName.delivery.rawValue
        let stream = ServiceName.campaigns.eventStream
        while !Task.isCancelled {
            let answer = try await connection.command(["XREADGROUP", "GROUP", group, "bystander", "COUNT", "1000", "STREAMS", stream, ">"])
            guard let entries = answer.array?.first?.array?.last?.array else { return }
            for entry in entries.compactMap(StreamEntry.init) { try await connection.command(["XACK", stream, group, entry.position]) }
        }
    }
}

/// Campaigns as far as it tells the trail something: its outbox and the relay, beside an Audit that reads what is told.
private struct OutageGround: Sendable {
    let fixture: AuditFixture
    private let place: PostgresConfiguration
    private let teller: Database
    private let outbox = Outbox()

    static func make() async throws -> OutageGround {
        let fixture = try await AuditFixture.make()
        let owner = fixture.house.database.configuration(role: "campaigns_owner")
        try await Migrator(owner, migrations: [HouseTables.migration(for: .campaigns)]).run(logger: fixture.house.house.logger)
        return OutageGround(fixture: fixture, place: fixture.house.database.configuration(role: "campaigns_worker"))
    }

    private init(fixture: AuditFixture, place: PostgresConfiguration) {
        self.fixture = fixture
        self.place = place
        teller = Database(place, connections: 2)
    }

    func relay() -> OutboxRelay {
        OutboxRelay(
            service: .campaigns, postgres: place, redis: fixture.house.redis.configuration, outbox: outbox, clock: fixture.house.clock.clock,
            logger: fixture.house.house.logger)
    }

    func consumer() throws -> EventConsumer {
        let trail = try fixture.trail
        return fixture.house.house.consumer(of: .campaigns, batch: 500) { events, transaction in
            try await trail.record(events, from: .campaigns, in: transaction)
        }
    }

    /// Delivery, who reads the same stream and has nothing to do: an outbox keeps a row until every reader has acknowledged it.
    func bystander() -> Bystander { Bystander(redis: fixture.house.redis.configuration) }

    /// Does things, each in a transaction of its own that also tells of it; it ends when they are done, whoever hears of them.
    func act(_ numbers: Range<Int>) async throws {
        for number in numbers {
            fixture.house.clock.advance(by: .milliseconds(1))
            let event = try fixture.event("thing.number_\(number)")
            try await teller.transaction { try await outbox.append([event], in: $0) }
            outbox.wake()
        }
    }

    /// Something whose transaction fails after it was told of.
    func actInVain() async throws {
        let event = try fixture.event("thing.number_0")
        try await teller.transaction { transaction in
            try await outbox.append([event], in: transaction)
            throw CancellationError()
        }
    }

    func waiting() async throws -> Int {
        try await teller.query("select count(*) as n from outbox")[0].decode("n")
    }

    func unpublished() async throws -> Int {
        try await teller.query("select count(*) as n from outbox where published_at is null")[0].decode("n")
    }

    /// In the order of their numbers in the tree.
    func entries() async throws -> [String] {
        try await fixture.house.house.worker.query(
            "select action from trail_events where tenant_id = \(fixture.tenant) order by seq"
        ).map { try $0.decode("action") }
    }

    func expectOnce(_ numbers: Range<Int>) async throws {
        #expect(try await entries().sorted() == numbers.map { "thing.number_\($0)" }.sorted())
        #expect(try await fixture.house.house.worker.query("select reason from quarantined_events").isEmpty)
        let verified = try await fixture.verify()
        #expect(verified.status == 0, "\(verified.said)")
    }
}

@Suite("What is done while the way to the trail is broken")
struct TrailOutageTests {
    @Test("without Redis acts go on and what they tell waits; when an empty one is back, each is in the trail once")
    func redisAway() async throws {
        let ground = try await OutageGround.make()
        try await ground.fixture.house.withBackground([ground.relay(), ground.bystander(), try ground.consumer()]) {
            try await ground.act(0..<10)
            try await eventually("the first are in the trail") { try await ground.entries().count == 10 }
            try await eventually("the outbox has forgotten them") { try await ground.waiting() == 0 }
            await ground.fixture.house.redis.stop()
            try await ground.act(10..<30)
            #expect(try await ground.waiting() == 20)
            #expect(try await ground.entries().count == 10)
            try await ground.fixture.house.redis.start()
            try await eventually("the others are in the trail", within: .seconds(40)) { try await ground.entries().count == 30 }
            try await eventually("the outbox is empty", within: .seconds(40)) { try await ground.waiting() == 0 }
        }
        try await ground.expectOnce(0..<30)
    }

    @Test("without Audit acts go on and no row goes, also when Redis forgets what was published; when Audit is back, each is in the trail once")
    func auditAway() async throws {
        let ground = try await OutageGround.make()
        try await ground.fixture.house.withBackground([ground.relay()]) {
            try await ground.act(0..<20)
            try await eventually("all are published") { try await ground.unpublished() == 0 }
            try await ground.fixture.house.redis.flushAll()
            try await ground.act(20..<40)
            try await eventually("all are published again") { try await ground.unpublished() == 0 }
            #expect(try await ground.waiting() == 40)
            #expect(try await ground.entries().isEmpty)
        }
        try await ground.fixture.house.withBackground([ground.relay(), ground.bystander(), try ground.consumer()]) {
            try await eventually("all are in the trail", within: .seconds(40)) { try await ground.entries().count == 40 }
            try await eventually("the outbox is empty", within: .seconds(40)) { try await ground.waiting() == 0 }
        }
        try await ground.expectOnce(0..<40)
    }

    @Test("what was not done in the end is not told either")
    func rolledBack() async throws {
        let ground = try await OutageGround.make()
        try await ground.fixture.house.withBackground([ground.relay(), ground.bystander(), try ground.consumer()]) {
            await #expect(throws: CancellationError.self) { try await ground.actInVain() }
            try await ground.act(1..<2)
            try await eventually("what came later is in the trail") { try await !ground.entries().isEmpty }
        }
        try await ground.expectOnce(1..<2)
    }
}
