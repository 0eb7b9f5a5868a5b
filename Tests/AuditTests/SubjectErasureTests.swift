import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Audit

extension AuditFixture {
    fileprivate func event(_ targets: [AuditRecord.Target], tenant: TenantID? = nil) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: house.clock.clock.now, tenant: tenant ?? self.tenant,
            actor: EventActor(kind: .user, id: "u1", name: "Ursula"), audit: AuditRecord(action: "lead.change", targets: targets))
    }

    fileprivate func eraseOnce(_ type: String, _ id: String) async throws -> Bool {
        try await RPCClient.local(house.router(service), caller: .campaigns).call(
            AuditRPC.EraseSubject(tenant: tenant, type: type, id: id)
        ).isDone
    }

    /// The targets of every event of a company, oldest first.
    fileprivate func targets(of tenant: TenantID) async throws -> [[AuditRecord.Target]] {
        try await house.house.worker.query(
            "select \(TrailStore.columns) from \(TrailStore.source) where e.tenant_id = \(tenant) order by e.seq"
        ).map { try TrailStore.event($0).targets }
    }
}

@Suite("What is left of a person in the trail")
struct SubjectErasureTests {
    private static let ada = AuditRecord.Target(type: "lead", id: "l1", name: "Ada Lovelace")
    private static let nobody = AuditRecord.Target(type: "lead", id: "l1")

    @Test("the name of exactly this target goes wherever it stands; events, other targets and other companies stay as they were")
    func names() async throws {
        let fixture = try await AuditFixture.make()
        let other = TenantID(UUID())
        let bo = AuditRecord.Target(type: "lead", id: "l2", name: "Bo")
        let namesake = AuditRecord.Target(type: "list", id: "l1", name: "Penguins")
        try await fixture.take([
            try fixture.event([Self.ada]), try fixture.event([bo, Self.ada, namesake, Self.ada]), try fixture.event([bo]),
            try fixture.event([Self.nobody]), try fixture.event([Self.ada], tenant: other),
        ])
        let kept = try await fixture.house.rows(of: fixture.tenant)
        #expect(try await fixture.eraseOnce("lead", "l1"))
        #expect(
            try await fixture.targets(of: fixture.tenant) == [
                [Self.nobody], [bo, Self.nobody, namesake, Self.nobody], [bo], [Self.nobody],
            ])
        #expect(try await fixture.targets(of: other) == [[Self.ada]])
        var left = try await fixture.house.rows(of: fixture.tenant)
        #expect(left.removeValue(forKey: "trail_erased") == 1)
        #expect(left == kept && kept["trail_events"] == 4)
        #expect(try await fixture.get("target=lead:l1").actions.count == 3)
        #expect(try await !fixture.get("").body.contains("Lovelace"))
        // Again changes nothing.
        #expect(try await fixture.eraseOnce("lead", "l1"))
        #expect(try await fixture.eraseOnce("lead", "nobody"))
    }

    @Test("more events than a call takes are erased in several")
    func batches() async throws {
        let fixture = try await AuditFixture.make()
        for _ in 0..<3 { try await fixture.take(try (0..<400).map { _ in try fixture.event([Self.ada]) }) }
        #expect(try await !fixture.eraseOnce("lead", "l1"))
        #expect(try await fixture.eraseOnce("lead", "l1"))
        #expect(try await fixture.targets(of: fixture.tenant) == Array(repeating: [Self.nobody], count: 1_200))
    }

    @Test("a subject that no target can be is refused", arguments: [("", "x"), ("lead", ""), (String(repeating: "t", count: 33), "x")])
    func refusals(type: String, id: String) async throws {
        let fixture = try await AuditFixture.make()
        let error = await #expect(throws: RPCError.self) { try await fixture.eraseOnce(type, id) }
        #expect(error?.kind == "invalid_subject")
    }

    @Test("where the subject is the actor its name, address and agent go, with the salts; the proofs stay")
    func actors() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([
            try PendingEvent(
                CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: fixture.house.clock.clock.now, tenant: fixture.tenant,
                actor: EventActor(kind: .user, id: "u9", name: "Ursula Uniquely"),
                audit: AuditRecord(
                    action: "list.change", targets: [.init(type: "list", id: "l1", name: "Penguins")], address: "192.0.2.77",
                    userAgent: "Iceberg/7", changes: [.init(path: "name", before: "a", after: "b")], metadata: ["k": "v"]))
        ])
        #expect(try await fixture.verify().status == 0)
        #expect(try await fixture.eraseOnce("user", "u9"))
        for words in ["Ursula Uniquely", "192.0.2.77", "Iceberg/7"] {
            #expect(try await fixture.house.tables(holding: words) == [])
        }
        let row = try await fixture.house.house.worker.query("select salts::text as salts from trail_details")[0]
        let salts = try JSONDecoder().decode([String: String].self, from: Data(try row.decode("salts", as: String.self).utf8))
        #expect(Set(salts.keys) == ["target.0.name", "changes", "metadata"])
        let verified = try await fixture.verify()
        #expect(verified.status == 0 && verified.said.contains("\"erased_fields\": 3"), "\(verified.said)")
    }

    @Test("what was changed about the subject goes with its name, also where the operator's people did it; the tree verifies")
    func changes() async throws {
        let fixture = try await AuditFixture.make()
        let person = AuditRecord.Target(type: "user", id: "u9", name: "Ursula Uniquely")
        func event(_ actor: EventActor, _ targets: [AuditRecord.Target]) throws -> PendingEvent {
            try PendingEvent(
                CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: fixture.house.clock.clock.now, tenant: fixture.tenant,
                actor: actor,
                audit: AuditRecord(
                    action: "user.change", targets: targets, address: "192.0.2.78",
                    changes: [.init(path: "email", before: "ursula@uniquely.example", after: "u@uniquely.example")],
                    metadata: ["note": "Called Ursula Uniquely"]))
        }
        try await fixture.take([
            try event(EventActor(kind: .user, id: "u1", name: "Bo"), [person]),
            try event(EventActor(kind: .support, id: "u9", name: "Ursula Uniquely"), [.init(type: "user", id: "u9")]),
        ])
        #expect(try await fixture.eraseOnce("user", "u9"))
        for words in ["uniquely.example", "Ursula Uniquely"] { #expect(try await fixture.house.tables(holding: words) == []) }
        #expect(try await fixture.house.tables(holding: "192.0.2.78").contains("trail_details"))
        #expect(try await fixture.verify().status == 0)
    }

    @Test("what comes after the erasure, from a queue or from quarantine, comes without the person")
    func late() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        let late = try fixture.event([Self.ada])
        let acted = try PendingEvent(
            CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: fixture.house.clock.clock.now, tenant: tenant,
            actor: EventActor(kind: .user, id: "l1", name: "Ada Lovelace"),
            audit: AuditRecord(
                action: "list.change", targets: [.init(type: "list", id: "x", name: "Penguins")], address: "192.0.2.79", metadata: ["k": "v"]))
        let waiting = try fixture.event([Self.ada])
        try await fixture.house.house.worker.query(
            """
            insert into quarantined_events (event_id, source, type, body, reason)
            values (\(waiting.header.id), 'campaigns', 't', \(Data(waiting.body.utf8)), 'x'),
                   (\(UUID()), 'campaigns', 't', \(Data("not JSON, but l1 Lovelace".utf8)), 'x')
            """)
        #expect(try await fixture.eraseOnce("lead", "l1"))
        #expect(try await fixture.eraseOnce("user", "l1"))
        #expect(try await fixture.house.tables(holding: "Lovelace") == [])
        try await fixture.take([late, acted])
        let body = try await fixture.house.house.worker.query(
            "select body from quarantined_events where event_id = \(waiting.header.id)")[0].decode("body", as: Data.self)
        let trail = try fixture.trail
        try await fixture.house.house.worker.transaction {
            try await trail.record([try ReceivedEvent(body: [UInt8](body))], from: .campaigns, in: $0)
        }
        #expect(try await fixture.house.tables(holding: "Lovelace") == [])
        #expect(try await fixture.house.tables(holding: "192.0.2.79") == [])
        #expect(try await fixture.house.tables(holding: "Penguins").contains("trail_details"))
        #expect(try await fixture.targets(of: tenant).count == 3)
        #expect(try await fixture.verify().status == 0)
    }

    @Test("whoever answers requests cannot erase, and whoever erases cannot change anything else")
    func privileges() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.event([Self.ada])])
        let tenant = fixture.tenant
        let refusals: [(role: String, statement: SQL)] = [
            ("audit_api", "select erase_subject(\(tenant), 'lead', 'l1', 10)"),
            ("audit_api", "select erase_target_names(\(tenant), 'lead', 'l1', 10)"),
            ("audit_worker", "update trail_details set target_names = '[]' where tenant_id = \(tenant)"),
            ("audit_worker", "update trail_events set action = 'x.y' where tenant_id = \(tenant)"),
            ("audit_worker", "delete from trail_events where tenant_id = \(tenant)"),
        ]
        for (role, statement) in refusals {
            let database = Database(fixture.house.database.configuration(role: role), connections: 1)
            let error = await #expect(throws: PostgresError.self) { try await database.query(as: tenant, statement) }
            #expect(error?.code == .insufficientPrivilege, "\(role)")
        }
        #expect(try await fixture.targets(of: tenant) == [[Self.ada]])
    }
}
