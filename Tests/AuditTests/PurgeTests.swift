import Contracts
import Foundation
import RPC
import TestSupport
import Testing

@testable import Audit

@Suite("What is left of a company in Audit")
struct PurgeTests {
    @Test("the trail outlives whom it tells of: nothing is removed, and that is said at once")
    func company() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.event("tenant.delete")])
        let kept = try await fixture.house.rows(of: fixture.tenant)
        let client = RPCClient.local(fixture.house.router(fixture.service), caller: .auth)
        #expect(try await client.call(AuditRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone)
        #expect(try await fixture.house.rows(of: fixture.tenant) == kept && kept["trail_events"] == 1)
    }
}
