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
                insert into trail_events (tenant_id, id, seq, class, occurred_at, recorded_at, type, source, action, outcome, actor_kind,
                                          actor_id, targets, sd, leaf)
                select \(tenant), ('01930000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n, 'y1', now(), now(), 't', 's',
                       'thing.do_' || n % 50, case when n % 400 = 0 then 'denied' else 'success' end, 'user', 'u' || n % 500, '[]', '{}', ''
                from generate_series(1, 20000) n
                """)
            try await fixture.house.house.worker.query(
                """
                insert into trail_targets (tenant_id, target, id, class)
                select tenant_id, 'lead:' || (right(id::text, 12)), id, class from trail_events where tenant_id = \(tenant)
                """)
        }
        // Only what is filled: Postgres takes a table that it knows to be empty for one that costs nothing to read.
        let owner = Database(fixture.house.database.configuration(role: "audit_owner"), connections: 1)
        try await owner.query("analyze trail_events_y1_default")
        try await owner.query("analyze trail_targets_y1_default")
        return fixture
    }

    @Test("under row-level security each filter is answered by an index")
    func plans() async throws {
        let fixture = try await Self.filled()
        let cases: [(field: SearchField?, value: String, index: String)] = [
            (nil, "", "trail_events_y1_default_pkey"), (.actor, "u7", "trail_events_y1_default_tenant_id_actor_id_id_idx"),
            (.action, "thing.do_7", "trail_events_y1_default_tenant_id_action_id_idx"),
            (.outcome, "denied", "trail_events_y1_default_tenant_id_outcome_id_idx"),
            (.target, "lead:00000000002a", "trail_targets_y1_default_pkey"),
        ]
        for (field, value, index) in cases {
            var conditions: [SQL] = ["e.tenant_id = \(fixture.tenant)"]
            if let field {
                let term = SearchTerm(isNegated: false, condition: .field(field, [.exactly(value)]))
                conditions.append(SearchCompiler.condition(term, tenant: fixture.tenant))
            }
            let condition = SQL.joined(conditions, separator: " and ")
            let plan = try await fixture.house.house.api.query(
                as: fixture.tenant, "explain (costs off) select e.id, e.targets from trail_events e where \(condition) order by e.id desc limit 51"
            ).map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
            #expect(plan.contains(index), "\(value): \(plan)")
            #expect(!plan.contains("Seq Scan"), "\(value): \(plan)")
            // The few events that a filter leaves may be put in order; all of a tenant's have to come in order.
            if field == nil { #expect(!plan.contains("->  Sort"), "\(plan)") }
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
        #expect(try await fixture.house.house.api.query("select target from trail_targets").isEmpty)
        for role in ["audit_api", "audit_worker"] {
            let database = Database(fixture.house.database.configuration(role: role), connections: 1)
            for statement: SQL in ["update trail_targets set target = 'x'", "delete from trail_targets", "truncate trail_targets"] {
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
        let stored = try await fixture.house.house.worker.query("select trace from trail_events where action = 'template.create'")
        #expect(stored.count == 1)
        #expect(try stored.first?.decodeOptional("trace", as: String.self) == nil)
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
