import Contracts
import Foundation
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Audit

@Suite("The trail's filters in the database")
struct TrailFilterTests {
    /// Enough entries that reading all of a tenant's is never the cheapest way.
    private static func filled() async throws -> AuditFixture {
        let fixture = try await AuditFixture.make()
        let tenants = [fixture.tenant, TenantID(UUID())]
        for tenant in tenants {
            try await fixture.house.house.worker.query(
                """
                insert into events (tenant_id, id, occurred_at, recorded_at, type, source, action, outcome, actor_kind, actor_id, targets,
                                    changes, metadata)
                select \(tenant), ('01930000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), now(), 't', 's', 'thing.do_' || n % 50,
                       case when n % 400 = 0 then 'denied' else 'success' end, 'user', 'u' || n % 500, '[]', '[]', '{}'
                from generate_series(1, 20000) n
                """)
            try await fixture.house.house.worker.query(
                """
                insert into event_targets (tenant_id, target, event_id)
                select tenant_id, 'lead:' || (right(id::text, 12)), id from events where tenant_id = \(tenant)
                """)
        }
        let owner = Database(fixture.house.database.configuration(role: "audit_owner"), connections: 1)
        try await owner.query("analyze events")
        try await owner.query("analyze event_targets")
        return fixture
    }

    @Test("under row-level security each filter is answered by an index")
    func plans() async throws {
        let fixture = try await Self.filled()
        let cases: [(TrailFilter, String)] = [
            (TrailFilter(), "events_pkey"), (TrailFilter(actor: "u7"), "events_actor"), (TrailFilter(action: "thing.do_7"), "events_action"),
            (TrailFilter(outcome: "denied"), "events_outcome"), (TrailFilter(target: "lead:00000000002a"), "event_targets_pkey"),
        ]
        for (filter, index) in cases {
            let condition = TrailStore.condition(fixture.tenant, filter, before: nil)
            let plan = try await fixture.house.house.api.query(
                as: fixture.tenant, "explain (costs off) select id, targets from events where \(condition) order by id desc limit 51"
            ).map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
            #expect(plan.contains(index), "\(filter): \(plan)")
            #expect(!plan.contains("Seq Scan"), "\(filter): \(plan)")
            // The few events that a filter leaves may be put in order; all of a tenant's have to come in order.
            if filter == TrailFilter() { #expect(!plan.contains("Sort"), "\(filter): \(plan)") }
        }
    }

    @Test("a target is found by its id and by type and id; no other tenant finds it, and nobody can take it out")
    func targets() async throws {
        let fixture = try await AuditFixture.make()
        let event = try fixture.event("template.create", target: "t9")
        try await fixture.take([event, event, try fixture.event("template.change", target: "t10")])
        #expect(try await fixture.get("target=t9").actions == ["template.create"])
        #expect(try await fixture.get("target=template:t9&action=template.create&actor=u1").actions == ["template.create"])
        #expect(try await fixture.get("target=template:t").actions.isEmpty)
        #expect(try await fixture.get("target=t9", tenant: TenantID(UUID())).actions.isEmpty)
        #expect(try await fixture.house.house.api.query("select target from event_targets").isEmpty)
        for role in ["audit_api", "audit_worker"] {
            let database = Database(fixture.house.database.configuration(role: role), connections: 1)
            for statement: SQL in ["update event_targets set target = 'x'", "delete from event_targets", "truncate event_targets"] {
                let error = await #expect(throws: PostgresError.self) { try await database.query(as: fixture.tenant, statement) }
                #expect(error?.code == .insufficientPrivilege)
            }
        }
    }

    @Test("a trace that a browser made up does not keep the entry out")
    func trace() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([
            try PendingEvent(
                CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: fixture.house.clock.clock.now, tenant: fixture.tenant,
                actor: EventActor(kind: .user, id: "u1"), trace: String(repeating: "0", count: 5_000),
                audit: AuditRecord(action: "template.create", targets: [.init(type: "template", id: "t1")]))
        ])
        #expect(try await fixture.get("").actions == ["template.create"])
        #expect(try await fixture.house.house.worker.query("select trace from events where trace is null").count == 1)
    }

    @Test("entries out of bounds say what is wrong with them", arguments: ["path", "outcome", "kind"])
    func bounds(what: String) throws {
        let long = String(repeating: "x", count: 300)
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let header = EventHeader(
            id: EventID(.v7(at: now)), type: "thing.was.done", version: 1, tenant: nil, workspace: nil, aggregate: nil,
            actor: EventActor(kind: .init(rawValue: what == "kind" ? long : "user"), id: "u1"), trace: nil, occurredAt: now, audit: nil)
        let record = AuditRecord(
            action: "thing.do", outcome: .init(rawValue: what == "outcome" ? long : "success"), targets: [.init(type: "thing", id: "1")],
            changes: [.init(path: what == "path" ? long : "name", before: "a", after: "b")])
        #expect(TrailRules.violation(of: record, in: header) != nil)
    }
}
