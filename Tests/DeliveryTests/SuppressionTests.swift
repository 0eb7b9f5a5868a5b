import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Suppression by other services")
struct SuppressionTests {
    private func request(_ fixture: DeliveryFixture, _ addresses: [String], workspace: WorkspaceID? = nil) -> DeliveryRPC.SuppressRecipients {
        DeliveryRPC.SuppressRecipients(
            tenant: fixture.tenant, workspace: workspace, addresses: addresses, reason: "unsubscribed", source: "user:0")
    }

    private func find(_ fixture: DeliveryFixture, _ addresses: [String], workspace: WorkspaceID? = nil) async throws -> Set<String> {
        Set(
            try await fixture.rpc.call(
                DeliveryRPC.FindSuppressed(tenant: fixture.tenant, workspace: workspace ?? fixture.workspace, addresses: addresses)))
    }

    @Test("whoever is put on the list is found in any case, told once, and gets no mail that was queued before")
    func suppressed() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example", "b@x.example"]))
        #expect(try await fixture.rpc.call(request(fixture, ["A@x.example", "a@X.example", "c@x.example"])).added == 2)
        #expect(try await fixture.rpc.call(request(fixture, ["a@x.example", "c@x.example", "d@x.example"])).added == 1)
        #expect(try await find(fixture, ["a@x.example", "b@x.example", "C@x.example"]) == ["a@x.example", "c@x.example"])
        #expect(try await fixture.claim().count == 1)
        #expect(try await fixture.states()["suppressed"] == 1)
        let rows = try await fixture.database.query("select reason, source from suppressions where address = 'a@x.example'")
        #expect(try rows.map { [try $0.decode("reason", as: String.self), try $0.decode("source")] } == [["unsubscribed", "user:0"]])
    }

    @Test("a workspace's list is its own")
    func workspace() async throws {
        let fixture = try await DeliveryFixture.make()
        #expect(try await fixture.rpc.call(request(fixture, ["a@x.example"], workspace: fixture.workspace)).added == 1)
        #expect(try await find(fixture, ["a@x.example"]) == ["a@x.example"])
        #expect(try await find(fixture, ["a@x.example"], workspace: WorkspaceID(UUID())).isEmpty)
        #expect(try await fixture.rpc.call(request(fixture, ["a@x.example"])).added == 1)
        #expect(try await find(fixture, ["a@x.example"], workspace: WorkspaceID(UUID())) == ["a@x.example"])
    }

    @Test("too many addresses, and empty ones, are refused and change nothing", arguments: [501, -1])
    func refused(count: Int) async throws {
        let fixture = try await DeliveryFixture.make()
        let addresses = count < 0 ? [""] : (0..<count).map { "l\($0)@x.example" }
        let error = await #expect(throws: RPCError.self) { try await fixture.rpc.call(request(fixture, addresses)) }
        #expect(error?.kind == "invalid_batch")
        let rows = try await fixture.database.query("select count(*) as n from suppressions where tenant_id = \(fixture.tenant)")
        #expect(try rows[0].decode("n") == 0)
    }
}
