import Contracts
import Foundation
import HTTP
import HTTPTypes
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

    @Test("a support session is found from its beginning to its end, whatever was searched for under it is kept in bounds")
    func supportSession() async throws {
        let fixture = try await AuditFixture.make()
        let session = UUID()
        let sam = EventActor(kind: .support, id: "s1", name: "Sam")
        let target = AuditRecord.Target(type: "support_session", id: session.text)
        let now = fixture.house.clock.clock.now
        try await fixture.take([
            try fixture.entry("support_session.begin", actor: sam, targets: [target], at: now.addingTimeInterval(-10)), try fixture.entry("thing.do"),
        ])
        let staff = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .viewer, staff: .support, support: session)
        // 2,048 bytes in 256 characters: more than an entry takes for a value.
        let flags = String(repeating: "\u{1F1E9}\u{1F1EA}", count: 256)
        #expect(try await fixture.send(.get, "/api/v1/audit/events", query: ["q": flags], as: staff).status == 200)
        #expect(try await fixture.send(.get, "/api/v1/audit/views", as: staff).status == 200)
        fixture.house.clock.advance(by: .milliseconds(1))
        try await fixture.take([try fixture.entry("support_session.end", actor: sam, targets: [target])])
        let found = try await fixture.search("support:\(session.uuidString)")
        #expect(found.actions == ["support_session.end", "audit_trail.read", "audit_trail.read", "support_session.begin"], "\(found.body)")
        let read = found.data.compactMap { ($0["metadata"] as? [String: String])?["read"] }
        #expect(read == ["views", "events"])
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
        let kept = try await fixture.search("actor.type:staff meta.staff_role:super_admin")
        #expect(kept.actions == ["audit_trail.read"])
        let actor = kept.data.first?["actor"] as? [String: Any]
        #expect(actor?["kind"] as? String == "staff" && actor?["name"] as? String == "Test Person")
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
        // Looking for somebody of whom there is nothing is a look all the same.
        let platform = try await fixture.send(.get, Self.path, query: ["tenant": "platform", "q": "meta.read:user_trail"], as: admin)
        #expect(platform.actions == ["audit_trail.read"])
    }
}
