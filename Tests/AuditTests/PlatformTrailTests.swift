import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Audit

@Suite("The trail as the operator's people see it")
struct PlatformTrailTests {
    private static let path = "/api/v1/platform/admin/audit-events"

    @Test("support reads the company of its session and no other, and each read is an entry that the company sees")
    func support() async throws {
        let fixture = try await AuditFixture.make()
        let other = TenantID(UUID())
        try await fixture.take([try fixture.entry("thing.do"), try fixture.entry("thing.foreign", tenant: other)])
        let session = UUID()
        let staff = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .viewer, staff: .support, support: session)
        for _ in 0..<2 {
            #expect(try await fixture.send(.get, Self.path, query: ["q": "thing*"], as: staff).acts == ["thing.do"])
        }
        #expect(try await fixture.send(.get, "/api/v1/audit/events", as: staff).acts == ["thing.do"])
        #expect(try await fixture.send(.get, Self.path, query: ["tenant": other.description], as: staff).status == 403)
        let seen = try await fixture.search("support:\(session.uuidString)")
        #expect(seen.actions == ["audit_trail.read", "audit_trail.read", "audit_trail.read"])
        #expect(seen.data.allSatisfy { ($0["actor"] as? [String: Any])?["kind"] as? String == "support" })
        #expect((seen.data.last?["metadata"] as? [String: String])?["search"] == "thing*")
        #expect(try await fixture.search("", tenant: other).actions == ["thing.foreign"])
    }

    @Test("without a session support reads nothing; super_admin reads each company, and that is kept there")
    func staff() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.entry("thing.do")])
        let home = TenantID(UUID())
        let support = try await fixture.house.identityHeader(tenant: home, staff: .support)
        #expect(try await fixture.send(.get, Self.path, query: ["tenant": fixture.tenant.description], as: support).status == 403)
        let owner = try await fixture.house.identityHeader(tenant: fixture.tenant)
        #expect(try await fixture.send(.get, Self.path, query: ["tenant": fixture.tenant.description], as: owner).status == 403)
        let admin = try await fixture.house.identityHeader(tenant: home, staff: .superAdmin)
        #expect(try await fixture.send(.get, Self.path, as: admin).status == 400)
        #expect(try await fixture.send(.get, Self.path, query: ["tenant": "x"], as: admin).status == 400)
        #expect(try await fixture.send(.get, Self.path, query: ["tenant": fixture.tenant.description], as: admin).acts == ["thing.do"])
        #expect(try await fixture.send(.get, Self.path, query: ["tenant": "platform"], as: admin).status == 200)
        let kept = try await fixture.search("action:audit_trail.read meta.staff_role:super_admin")
        #expect(kept.actions == ["audit_trail.read"])
    }

    @Test("a user's trail has the documented form and finds its company by itself")
    func user() async throws {
        let fixture = try await AuditFixture.make()
        let user = UserID(UUID())
        let actor = EventActor(kind: .user, id: user.description)
        let now = fixture.house.clock.clock.now
        try await fixture.take([
            try fixture.entry("thing.do", actor: actor, at: now.addingTimeInterval(-20)),
            try fixture.entry("thing.undo", actor: actor, at: now.addingTimeInterval(-10)), try fixture.entry("thing.other"),
        ])
        let path = "/api/v1/platform/admin/users/\(user)/audit-trail"
        let admin = try await fixture.house.identityHeader(tenant: TenantID(UUID()), staff: .superAdmin)
        let all = try await fixture.send(.get, path, as: admin)
        #expect(all.object["success"] as? Bool == true && all.actions == ["thing.undo", "thing.do"], "\(all.body)")
        let pagination = all.object["pagination"] as? [String: Any]
        #expect(pagination?["total"] as? Int == 2 && pagination?["limit"] as? Int == 50 && pagination?["offset"] as? Int == 0)
        let second = try await fixture.send(.get, path, query: ["limit": "1", "offset": "1"], as: admin)
        #expect(second.actions == ["thing.do"])
        #expect(try await fixture.send(.get, path, query: ["action_type": "thing.undo"], as: admin).actions == ["thing.undo"])
        let late = ["start_time": WireJSON.format(now.addingTimeInterval(-15))]
        #expect(try await fixture.send(.get, path, query: late, as: admin).actions == ["thing.undo"])
        for wrong in [["limit": "101"], ["offset": "10001"], ["start_time": "x"], ["action_type": "%"]] {
            #expect(try await fixture.send(.get, path, query: wrong, as: admin).status == 400, "\(wrong)")
        }
        let nobody = "/api/v1/platform/admin/users/\(UserID(UUID()))/audit-trail"
        #expect(try await fixture.send(.get, nobody, as: admin).data.isEmpty)
    }

    @Test("an event in quarantine is seen without its body, and taken in once what kept it out is mended")
    func quarantine() async throws {
        let fixture = try await AuditFixture.make()
        let good = try fixture.entry("thing.do")
        try await fixture.take([try fixture.entry("Not An Action")])
        let worker = fixture.house.house.worker
        // As after a mistake of ours that is mended since.
        try await worker.query(
            """
            insert into quarantined_events (event_id, source, type, body, reason)
            values (\(good.header.id), 'campaigns', \(good.header.type), \(Data(good.body.utf8)), 'a mistake')
            """)
        let path = "\(Self.path)/quarantine"
        let ops = try await fixture.house.identityHeader(tenant: TenantID(UUID()), staff: .ops)
        let list = try await fixture.send(.get, path, as: ops)
        #expect(list.data.count == 2 && !list.body.contains("Not An Action"))
        let bad = try #require(list.data.first { $0["reason"] as? String != "a mistake" }?["id"] as? String)
        let rejected = try await fixture.send(.post, "\(path)/\(bad)/redrive", as: ops)
        #expect(rejected.status == 422 && rejected.kind == "still_rejected")
        #expect(try await fixture.send(.post, "\(path)/\(good.header.id)/redrive", as: ops).status == 204)
        #expect(try await fixture.send(.post, "\(path)/\(good.header.id)/redrive", as: ops).status == 404)
        #expect(try await fixture.send(.get, path, as: ops).data.count == 1)
        #expect(try await fixture.search("").acts == ["thing.do"])
        let owner = try await fixture.house.identityHeader(tenant: fixture.tenant)
        #expect(try await fixture.send(.get, path, as: owner).status == 403)
    }
}
