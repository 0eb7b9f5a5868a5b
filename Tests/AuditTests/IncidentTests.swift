import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Audit

@Suite("Incidents of the status")
struct IncidentTests {
    private static let start = Date(timeIntervalSince1970: 1_800_014_400)

    @Test("trouble of more than five minutes asks for an incident once, two good minutes end it, lulls and unknown time restart nothing")
    func watch() {
        var watch = ComponentWatch()
        func see(_ status: ComponentStatus, at second: Double) -> ComponentWatch.Demand? {
            watch.observe(status, now: Self.start.addingTimeInterval(second))
        }
        #expect(see(.degraded, at: 0) == nil)
        #expect(see(.operational, at: 60) == nil)
        #expect(see(.down, at: 170) == nil)
        #expect(see(.unknown, at: 290) == nil)
        #expect(see(.degraded, at: 300) == nil)
        #expect(see(.degraded, at: 301) == .open)
        let incident = IncidentID(UUID())
        watch.incident = incident
        #expect(see(.down, at: 400) == nil)
        #expect(see(.operational, at: 500) == nil)
        #expect(see(.operational, at: 619) == nil)
        #expect(see(.operational, at: 620) == .resolve(incident))
        #expect(watch.troubledSince == nil && watch.incident == nil)
        #expect(see(.degraded, at: 700) == nil)
        #expect(see(.operational, at: 710) == nil)
        #expect(see(.operational, at: 830) == nil)
        // Well for two minutes: the trouble of before is forgotten.
        #expect(see(.degraded, at: 1_001) == nil)
    }

    @Test("announced work is no trouble, and what comes after it begins anew")
    func maintenance() {
        var watch = ComponentWatch()
        #expect(watch.observe(.down, now: Self.start) == nil)
        #expect(watch.observe(.maintenance, now: Self.start.addingTimeInterval(200)) == nil)
        #expect(watch.observe(.down, now: Self.start.addingTimeInterval(400)) == nil)
        #expect(watch.observe(.down, now: Self.start.addingTimeInterval(600)) == nil)
        #expect(watch.observe(.down, now: Self.start.addingTimeInterval(701)) == .open)
    }

    @Test("what nobody saw is no calm: a part must work for two minutes that were seen")
    func unseen() {
        let incident = IncidentID(UUID())
        var watch = ComponentWatch(troubledSince: Self.start, incident: incident)
        #expect(watch.observe(.operational, now: Self.start.addingTimeInterval(400)) == nil)
        #expect(watch.observe(.unknown, now: Self.start.addingTimeInterval(440)) == nil)
        #expect(watch.observe(.operational, now: Self.start.addingTimeInterval(900)) == nil)
        #expect(watch.observe(.operational, now: Self.start.addingTimeInterval(1_020)) == .resolve(incident))
    }

    @Test("one failed look is no outage, also when it is the first; looks of before the clock was set back count for nothing")
    func looks() {
        func state(_ looks: [(Sample.Health, Double)]) -> ComponentStatus {
            let samples = looks.map { Sample(health: $0.0, latency: .zero, at: Self.start.addingTimeInterval($0.1)) }
            return ComponentStatus.of(samples, now: Self.start)
        }
        #expect(state([(.bad, 0)]) == .degraded && state([(.bad, -5), (.bad, 0)]) == .degraded)
        #expect(state([(.bad, -10), (.bad, -5), (.bad, 0)]) == .down)
        #expect(state([(.good, 3_600)]) == .unknown)
    }

    @Test("a clock that is set opens no incident before its time and holds none back", arguments: [Duration.seconds(3_600), .seconds(-3_600)])
    func clockSet(step: Duration) async throws {
        let fixture = try await StatusFixture.make()
        try await fixture.pass(120, .impaired)
        fixture.setClock(by: step)
        try await fixture.pass(180, .impaired)
        #expect(fixture.incidents.isEmpty)
        try await fixture.pass(20, .impaired)
        #expect(fixture.incidents.count == 1)
    }

    @Test("an incident that is still open is shown however many came after it")
    func manyIncidents() async throws {
        let fixture = try await StatusFixture.make()
        func incident(at instant: Date, isOpen: Bool) -> Incident {
            Incident(
                id: IncidentID(.v7(at: instant)), title: "t", impact: .minor, state: isOpen ? .identified : .resolved, components: [],
                automatic: false, startedAt: instant, updatedAt: instant, resolvedAt: isOpen ? nil : instant, updates: [])
        }
        let now = fixture.clock.clock.now
        let old = incident(at: now.addingTimeInterval(-100 * 86_400), isOpen: true)
        let over = (1...201).map { incident(at: now.addingTimeInterval(-Double($0)), isOpen: false) }
        try await fixture.worker.transaction { transaction in
            for each in over + [old] { try await IncidentStore.insert(each, in: transaction) }
        }
        let shown = try await IncidentStore.shown(now: now, in: fixture.worker)
        #expect(shown.count == 201 && shown.last?.id == old.id && shown.first?.id == over.first?.id)
    }

    @Test("a restart resets no deadline: the incident opens on time, is one, and resolves by itself")
    func restart() async throws {
        let first = try await StatusFixture.make()
        try await first.pass(240, .impaired)
        #expect(first.incidents.isEmpty)
        let second = first.restarted()
        try await second.keeper.keep()
        try await second.pass(60, .impaired)
        #expect(second.incidents.isEmpty)
        try await second.pass(20, .impaired)
        let opened = try #require(second.incidents.first)
        #expect(opened.components == ["smtp"] && opened.automatic && opened.isOpen)
        #expect(opened.startedAt == Self.start)
        // A third process neither opens another one nor forgets to resolve this one.
        let third = second.restarted()
        try await third.keeper.keep()
        try await third.pass(60, .impaired)
        #expect(third.incidents.map(\.id) == [opened.id])
        try await third.pass(200, .good)
        let resolved = try #require(third.incidents.first)
        #expect(resolved.id == opened.id && !resolved.isOpen && resolved.state == .resolved && resolved.updates.count == 2)
    }

    @Test("an incident of the staff shows on its parts, and one that the staff took over is not resolved by a probe")
    func staff() async throws {
        let fixture = try await StatusFixture.make()
        let administration = StatusAdministration(
            api: Database(fixture.database.configuration(role: "audit_api"), connections: 1), worker: fixture.worker,
            clock: fixture.clock.clock, record: { _, _ in })
        try await fixture.pass(330, .impaired)
        let incident = try #require(fixture.incidents.first)
        let update = IncidentUpdateInput(state: .identified, message: "A provider refuses us.", impact: .critical)
        _ = try #require(try await administration.update(incident.id, update, as: Self.act))
        try await fixture.pass(300, .good)
        #expect(fixture.state() == .down)
        let open = try #require(fixture.incidents.first)
        #expect(open.isOpen && open.updates.map(\.state) == [.identified, .investigating])
        _ = try await administration.update(incident.id, IncidentUpdateInput(state: .resolved, message: "Over."), as: Self.act)
        try await fixture.pass(10, .good)
        #expect(fixture.state() == .operational)
        #expect(try await administration.update(IncidentID(UUID()), update, as: Self.act) == nil)
    }

    @Test("while announced work lasts its parts are in maintenance, and called off they are not")
    func announced() async throws {
        let fixture = try await StatusFixture.make()
        let administration = StatusAdministration(
            api: Database(fixture.database.configuration(role: "audit_api"), connections: 1), worker: fixture.worker,
            clock: fixture.clock.clock, record: { _, _ in })
        let now = fixture.clock.clock.now
        let maintenance = try await administration.announce(
            MaintenanceInput(
                title: "New disks", message: "We change disks.", components: ["smtp"], startsAt: now.addingTimeInterval(65),
                endsAt: now.addingTimeInterval(4_000)), as: Self.act)
        try await fixture.pass(60, .good)
        #expect(fixture.state() == .operational)
        try await fixture.pass(600, .bad)
        #expect(fixture.state() == .maintenance)
        #expect(fixture.incidents.isEmpty)
        _ = try #require(try await administration.cancel(maintenance.id, as: Self.act))
        try await fixture.pass(10, .bad)
        #expect(fixture.state() == .down)
        #expect(try await administration.cancel(maintenance.id, as: Self.act) == nil)
    }

    @Test("the staff's routes: ops opens, updates and resolves; others may not; each act is in the platform's trail")
    func routes() async throws {
        let fixture = try await AuditFixture.make()
        let ops = try await fixture.house.identityHeader(tenant: fixture.tenant, staff: .ops)
        let opened = try await Self.send(fixture, "incidents", Self.valid, as: ops)
        #expect(opened.status == 201)
        let id = try #require(opened.object["id"] as? String)
        let resolved = try await Self.send(fixture, "incidents/\(id)/resolve", #"{"message":"Over."}"#, as: ops)
        #expect(resolved.status == 200 && resolved.object["state"] as? String == "resolved")
        #expect(try await Self.send(fixture, "incidents/\(UUID().text)/resolve", #"{"message":"Over."}"#, as: ops).status == 404)
        let owner = try await fixture.house.identityHeader(tenant: fixture.tenant)
        let support = try await fixture.house.identityHeader(tenant: fixture.tenant, staff: .support)
        for headers in [owner, support] {
            #expect(try await Self.send(fixture, "incidents", Self.valid, as: headers).status == 403)
        }
        #expect(try await Self.send(fixture, "incidents", Self.valid, as: [:]).status == 401)
        let list = try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: "\(Self.prefix)/incidents", method: .get, headers: support) { String(buffer: $0.body) }
        }
        #expect(list.contains(id))
        let acts = try await fixture.house.house.worker.query("select action from trail_events where tenant_id = \(Trail.platform) order by seq")
        #expect(try acts.map { try $0.decode("action", as: String.self) } == ["status_incident.open", "status_incident.resolve"])
    }

    @Test(
        "what nobody should read is refused and named",
        arguments: [
            (#"{"title":"","impact":"minor","components":[],"message":"m"}"#, "title"),
            (#"{"title":"t\u001b[31m","impact":"minor","components":[],"message":"m"}"#, "title"),
            (#"{"title":"t","impact":"minor","components":[],"message":"\u202eevil"}"#, "message"),
            (#"{"title":"t","impact":"huge","components":[],"message":"m"}"#, "impact"),
            (#"{"title":"t","impact":"minor","components":["mars"],"message":"m"}"#, "components"),
            (#"{"title":"t","impact":"minor","components":["api","api"],"message":"m"}"#, "components"),
            (#"{"title":"t","impact":"minor","components":[],"message":"m","state":"resolved"}"#, "state"),
        ])
    func refusals(body: String, field: String) async throws {
        let fixture = try await AuditFixture.make()
        let ops = try await fixture.house.identityHeader(tenant: fixture.tenant, staff: .ops)
        let answer = try await Self.send(fixture, "incidents", body, as: ops)
        #expect(answer.status == 400 && answer.object["field"] as? String == field)
    }

    @Test("the role of requests can write nothing, and nobody takes back what was said", arguments: ["audit_api", "audit_worker"])
    func grants(role: String) async throws {
        let fixture = try await StatusFixture.make()
        let database = Database(fixture.database.configuration(role: role), connections: 1)
        var statements: [SQL] = [
            "delete from status_incidents", "update status_incident_updates set message = 'x'", "delete from status_incident_updates",
        ]
        if role == "audit_api" { statements += ["update status_incidents set title = 'x'", "select component from status_components"] }
        for statement in statements {
            let error = await #expect(throws: PostgresError.self) { try await database.query(statement) }
            #expect(error?.code == .insufficientPrivilege)
        }
    }

    private static let prefix = "/api/v1/platform/admin/status"
    private static let valid = #"{"title":"Mails are late","impact":"major","components":["smtp"],"message":"We look into it."}"#

    private static var act: StatusAdministration.Act {
        StatusAdministration.Act(actor: .system("test"), trace: nil) { action, target, metadata in
            AuditRecord(action: action, targets: [target], metadata: metadata)
        }
    }

    private static func send(
        _ fixture: AuditFixture, _ path: String, _ body: String, as headers: HTTPFields
    ) async throws -> (status: Int, object: [String: Any]) {
        var headers = headers
        headers[.contentType] = "application/json"
        let all = headers
        let (status, text) = try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: "\(Self.prefix)/\(path)", method: .post, headers: all, body: ByteBuffer(string: body)) { response in
                (response.status.code, String(buffer: response.body))
            }
        }
        let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        return (status, object ?? [:])
    }
}
