import Contracts
import Foundation
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Audit

@Suite("Audit dies while it takes events in", .timeLimit(.minutes(10)))
struct IngestCrashTests {
    /// 25,000; 100,000 with PENGUIN_TEST_FULL=1.
    private static let total = ProcessInfo.processInfo.environment["PENGUIN_TEST_FULL"] == "1" ? 100_000 : 25_000
    private static let deaths = 5

    @Test("killed five times while many events come in: each of them is there once, without a gap in any company, and every tree verifies")
    func killed() async throws {
        let fixture = try await AuditFixture.make()
        let redis = fixture.house.redis.configuration
        let keys = FileManager.default.temporaryDirectory.appending(path: "penguin-trail-\(UUID().uuidString.prefix(8)).json")
        defer { try? FileManager.default.removeItem(at: keys) }
        try Data(#"{"name":"penguinmails-audit","keys":["\#(randomBytes(32).base64EncodedString())"]}"#.utf8).write(to: keys)
        let signer = try CheckpointSigner(contentsOf: keys)
        let audit = try ServiceProcess(.audit, on: fixture.house.database, redis: redis, settings: ["trail.keys.file": keys.path()])
        let tenants = (0..<5).map { _ in TenantID(UUID()) }
        let ids = try await Self.fill(tenants, fixture)
        try audit.start()
        let worker = fixture.house.house.worker
        for death in 1...Self.deaths {
            let mark = Self.total * death / (Self.deaths + 1)
            try await eventually("\(mark) events are in", within: .seconds(120)) { try await Self.count(worker) >= mark }
            #expect(audit.kill(), "\(audit.log.suffix(2_000))")
            try audit.start()
        }
        try await eventually("all events are in", within: .seconds(240)) { try await Self.count(worker) >= Self.total }
        try await eventually("all are acknowledged") { try await Self.pending(redis) == 0 }
        audit.kill()

        let rows = try await worker.query("select id from trail_events")
        let stored = try rows.map { try $0.decode("id", as: EventID.self) }
        #expect(stored.count == Self.total && Set(stored) == ids)
        for tenant in tenants {
            let row = try await worker.query(
                "select count(*) as n, min(seq) as first, max(seq) as last from trail_events where tenant_id = \(tenant)")[0]
            let count: Int64 = try row.decode("n")
            #expect(try row.decode("first", as: Int64.self) == 1 && row.decode("last", as: Int64.self) == count)
            let verified = try await fixture.verify(tenant, signer: signer)
            #expect(verified.status == 0, "\(verified.said)")
        }
        #expect(try await worker.query("select event_id from quarantined_events").isEmpty)
    }

    /// Puts the events into the stream as a relay does, every fiftieth twice; their ids.
    private static func fill(_ tenants: [TenantID], _ fixture: AuditFixture) async throws -> Set<EventID> {
        let redis = try await RedisConnection.connect(fixture.house.redis.configuration)
        var ids: Set<EventID> = []
        var batch: [[String]] = []
        for number in 0..<total {
            if number % 50 == 0 { fixture.house.clock.advance(by: .milliseconds(1)) }
            let event = try PendingEvent(
                CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: fixture.house.clock.clock.now,
                tenant: tenants[number % tenants.count], actor: EventActor(kind: .user, id: "u\(number % 97)"),
                audit: AuditRecord(action: "thing.do_\(number % 13)", targets: [.init(type: "template", id: "t\(number)")]))
            ids.insert(event.header.id)
            let fields = ["id", event.header.id.description, "type", event.header.type, "body", event.body]
            let entry = ["XADD", ServiceName.campaigns.eventStream, "*"] + fields
            batch.append(entry)
            if number % 50 == 0 { batch.append(entry) }
            guard batch.count >= 1_000 || number == total - 1 else { continue }
            _ = try await redis.pipeline(batch)
            batch = []
        }
        await redis.close()
        return ids
    }

    private static func count(_ database: Database) async throws -> Int {
        Int(try await database.query("select coalesce(sum(size), 0)::bigint as n from trail_heads")[0].decode("n", as: Int64.self))
    }

    /// Events that are handed out and not acknowledged, or not handed out.
    private static func pending(_ redis: RedisConfiguration) async throws -> Int64? {
        let connection = try await RedisConnection.connect(redis)
        let answer = try await connection.command(["XPENDING", ServiceName.campaigns.eventStream, "audit"])
        await connection.close()
        guard case .integer(let count)? = answer.array?.first else { return nil }
        return count
    }
}
