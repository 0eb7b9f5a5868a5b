import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import Logging
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Audit
@testable import Streams

/// Audit on a real database.
struct AuditFixture: Sendable {
    let house: TestHouse
    let service: AuditService
    let tenant = TenantID(UUID())

    static func make() async throws -> AuditFixture {
        let house = try await TestHouse.make(for: AuditService.self)
        return AuditFixture(house: house, service: try await AuditService(house.house))
    }

    func event(_ action: String, actor: String = "u1", target: String = "t1", at instant: Date? = nil, outcome: AuditRecord.Outcome = .success) throws
        -> PendingEvent
    {
        try PendingEvent(
            CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: instant ?? house.clock.clock.now, tenant: tenant,
            actor: EventActor(kind: .user, id: actor),
            audit: AuditRecord(action: action, outcome: outcome, targets: [.init(type: "template", id: target)]))
    }

    /// As the service has it.
    var trail: Trail {
        get throws { Trail(clock: house.clock.clock, signer: try CheckpointSigner(house: house.house), logger: house.house.logger) }
    }

    func newestCheckpoint() async throws -> TrailCheckpoint? {
        try await house.house.api.transaction(as: tenant) { try await TrailCheckpoint.read(of: tenant, in: $0) }
    }

    /// What the consumer does with a batch from the stream.
    func take(_ events: [PendingEvent]) async throws {
        try await take(bodies: events.map(\.body))
    }

    func take(bodies: [String]) async throws {
        let trail = try trail
        let intake = EventIntake(source: .campaigns, database: house.house.worker, logger: house.house.logger) { events, transaction in
            try await trail.record(events, from: .campaigns, in: transaction)
        }
        let entries = bodies.compactMap { body in
            StreamEntry(.array([.text(Array("1-1".utf8)), .array([.text(Array("body".utf8)), .text(Array(body.utf8))])]))
        }
        try await intake.take(entries.map(IntakeEntry.init))
    }

    /// A page without the entries that tell of reading it.
    func get(_ query: String, tenant: TenantID? = nil, role: Role = .owner) async throws -> (
        status: Int, actions: [String], next: String?, body: String
    ) {
        let headers = try await house.identityHeader(tenant: tenant ?? self.tenant, role: role)
        return try await house.withClient(service) { client in
            try await client.execute(uri: "/api/v1/audit/events?\(query)", method: .get, headers: headers) { response in
                let object = (try? JSONSerialization.jsonObject(with: Data(response.body.readableBytesView))) as? [String: Any]
                let data = object?["data"] as? [[String: Any]] ?? []
                let actions = data.compactMap { $0["action"] as? String }.filter { $0 != "audit_trail.read" }
                let next = (object?["page"] as? [String: Any])?["next"] as? String
                return (response.status.code, actions, next, String(buffer: response.body))
            }
        }
    }
}

@Suite("The trail")
struct TrailTests {
    @Test("the same event twice is one entry, and one out of bounds goes to quarantine while the others land")
    func intake() async throws {
        let fixture = try await AuditFixture.make()
        let good = try (0..<20).map { try fixture.event("thing.do_\($0)") }
        // As another service's outbox would never write it.
        let bad = try [
            fixture.event("thing.do").body.replacing("thing.do", with: "Not An Action"),
            fixture.event("thing.do", actor: "u7").body.replacing("\"u7\"", with: "\"\(String(repeating: "x", count: 129))\""),
        ]
        try await fixture.take(bodies: good.map(\.body) + bad + good.map(\.body))
        try await fixture.take(good)
        #expect(try await fixture.get("limit=200").actions.count == 20)
        #expect(try await fixture.house.house.worker.query("select reason from quarantined_events").count == 2)
    }

    @Test("many events of one millisecond are paged through exactly once")
    func paging() async throws {
        let fixture = try await AuditFixture.make()
        let total = 5_000
        for start in stride(from: 0, to: total, by: 500) {
            try await fixture.take(try (start..<start + 500).map { try fixture.event("thing.number_\($0)") })
        }
        var seen: [String] = []
        var cursor = ""
        while true {
            let page = try await fixture.get("limit=200\(cursor)")
            seen += page.actions
            guard let next = page.next else { break }
            cursor = "&cursor=\(next)"
        }
        #expect(seen.count == total)
        #expect(Set(seen).count == total)
    }

    @Test("filters find by actor, action, outcome, target and time")
    func filters() async throws {
        let fixture = try await AuditFixture.make()
        let now = fixture.house.clock.clock.now
        try await fixture.take([
            try fixture.event("a.one", actor: "ada", target: "x", at: now.addingTimeInterval(-100)),
            try fixture.event("a.two", actor: "bo", target: "y", at: now, outcome: .failure),
        ])
        #expect(try await fixture.get("actor=ada").actions == ["a.one"])
        #expect(try await fixture.get("action=a.two").actions == ["a.two"])
        #expect(try await fixture.get("outcome=failure").actions == ["a.two"])
        #expect(try await fixture.get("target=template:x").actions == ["a.one"])
        #expect(try await fixture.get("target=y").actions == ["a.two"])
        #expect(try await fixture.get("from=\(WireJSON.format(now))").actions == ["a.two"])
        #expect(try await fixture.get("to=\(WireJSON.format(now))").actions == ["a.one"])
        #expect(try await fixture.get("").actions == ["a.two", "a.one"])
    }

    @Test(
        "wrong filters name themselves, members may not read, another tenant finds nothing",
        arguments: ["outcome=maybe", "from=yesterday", "limit=0", "actor="])
    func refusals(query: String) async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.event("a.one")])
        let answer = try await fixture.get(query)
        #expect(answer.status == 400)
        #expect(answer.body.contains("\"field\":\"\(query.split(separator: "=")[0])\""))
        #expect(try await fixture.get("", role: .member).status == 403)
        #expect(try await fixture.get("", tenant: TenantID(UUID())).actions.isEmpty)
    }

    @Test("the service's roles can neither change nor remove what is written", arguments: ["audit_api", "audit_worker"])
    func appendOnly(role: String) async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.event("a.one")])
        let database = Database(fixture.house.database.configuration(role: role), connections: 1)
        let statements: [SQL] = [
            "update trail_events set action = 'x'", "delete from trail_events", "truncate trail_events", "drop table trail_events",
            "update trail_details set actor_name = null", "delete from trail_details", "truncate trail_details", "delete from trail_targets",
            "truncate trail_targets", "update trail_checkpoints set size = 2", "delete from trail_checkpoints",
            "update trail_classes set class = 'd90'",
            "delete from trail_tiles", "truncate trail_tiles", "delete from trail_heads", "select id from trail_events_y1",
            "delete from trail_events_y1_default", "update trail_tiles set hashes = set_byte(hashes, 1, 7 # get_byte(hashes, 1))",
        ]
        for statement in statements {
            let error = await #expect(throws: PostgresError.self) { try await database.query(as: fixture.tenant, statement) }
            #expect(error?.code == .insufficientPrivilege, "\(statement.text)")
        }
    }
}

@Suite("Status")
struct StatusTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test(
        "three bad looks of five are an outage, fewer a disturbance, old ones say nothing",
        arguments: [
            ("ggggg", 0.0, ComponentStatus.operational), ("ggggb", 0, .degraded), ("gbgbg", 0, .degraded), ("bbbgg", 0, .down), ("b", 0, .degraded),
            ("bbb", 0, .down),
            ("gi", 0, .degraded), ("ggggg", 31, .unknown), ("", 0, .unknown),
        ])
    func states(looks: String, age: TimeInterval, expected: ComponentStatus) {
        let samples = looks.map { look in
            Sample(health: look == "g" ? .good : look == "i" ? .impaired : .bad, latency: .zero, at: Self.now.addingTimeInterval(-age))
        }
        #expect(ComponentStatus.of(samples, now: Self.now) == expected)
    }

    @Test("the status is public, names its parts, and answers although nothing is there to look at")
    func routes() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: "/api/v1/status", method: .get) { response in
                #expect(response.status == .ok)
                let body = String(buffer: response.body)
                for name in Probe.names { #expect(body.contains("\"name\":\"\(name)\"")) }
            }
            try await client.execute(uri: "/status", method: .get) { #expect(String(buffer: $0.body).contains("<table>")) }
        }
    }
}
