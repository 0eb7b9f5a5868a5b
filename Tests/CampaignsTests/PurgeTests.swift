import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Campaigns

@Suite("What is left of a company in Campaigns")
struct PurgeTests {
    /// A company with a launched campaign, and another one like it.
    private func ground() async throws -> (CampaignsFixture, CampaignsFixture, RPCClient) {
        let fixture = try await CampaignsFixture.make()
        let other = CampaignsFixture(peers: fixture.peers, house: fixture.house, service: fixture.service)
        for company in [fixture, other] {
            let campaign = try await company.campaign(leads: 7)
            _ = try await company.importLeads("email\nno address\n")
            #expect(try await company.send(.post, "/api/v1/campaigns/\(campaign)/launch").status == 202)
        }
        try await fixture.handOverAll()
        return (fixture, other, .local(fixture.house.router(fixture.service), caller: .auth))
    }

    private func purge(_ fixture: CampaignsFixture, _ workspace: WorkspaceID?, by client: RPCClient) async throws {
        for _ in 0..<20 {
            if try await client.call(CampaignsRPC.Purge(tenant: fixture.tenant, workspace: workspace)).isDone { return }
        }
        Issue.record("the purge does not end")
    }

    @Test("purged, nothing is left of a company, and the others have what they had")
    func company() async throws {
        let (fixture, other, client) = try await ground()
        let kept = try await fixture.house.rows(of: other.tenant)
        #expect(kept["enrolments"] == 7 && kept["hand_overs"] == 1 && kept["import_errors"] == 1)
        try await purge(fixture, nil, by: client)
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
        #expect(try await fixture.house.rows(of: other.tenant) == kept)
    }

    @Test("with a workspace its campaigns, templates and imports go; leads stay the company's, in no list")
    func workspace() async throws {
        let (fixture, other, client) = try await ground()
        let kept = try await fixture.house.rows(of: other.tenant)
        try await purge(fixture, WorkspaceID(UUID()), by: client)
        #expect(try await fixture.house.rows(of: fixture.tenant) == kept)
        try await purge(fixture, fixture.peers.workspace, by: client)
        #expect(try await fixture.house.rows(of: fixture.tenant).filter { !["idempotency_keys", "lead_counts"].contains($0.key) } == ["leads": 7])
        #expect(try await fixture.house.rows(of: other.tenant) == kept)
    }

    @Test("a workspace that is gone takes nothing new")
    func closed() async throws {
        let fixture = try await CampaignsFixture.make()
        let draft = #"{"workspace":"\#(fixture.peers.workspace)","name":"Spring"}"#
        let earlier = try await fixture.send(.post, "/api/v1/campaigns", draft)
        let path = "/api/v1/campaigns/\(earlier.text("id"))"
        fixture.peers.state.withLock { $0.closedWorkspaces = [fixture.peers.workspace] }
        let before = try await fixture.house.rows(of: fixture.tenant)
        let template = try await fixture.send(
            .post, "/api/v1/templates", CampaignsFixture.template.replacing("\"W\"", with: "\"\(fixture.peers.workspace)\""))
        let leads = try await fixture.importLeads("email\na@x.org\n")
        let campaign = try await fixture.send(.post, "/api/v1/campaigns", draft)
        for answer in [template, leads, campaign] { #expect(answer.status == 422 && answer.body.contains("workspace_not_found"), "\(answer.body)") }
        #expect(try await fixture.house.rows(of: fixture.tenant).filter { $0.key != "idempotency_keys" } == before)
        #expect(try await fixture.send(.get, "\(path)/checks", "").body.contains("workspace_gone"))
        let launched = try await fixture.send(.post, "\(path)/launch", "")
        #expect(launched.status == 422 && launched.body.contains("workspace_gone"), "\(launched.body)")
    }

    @Test("what is being handed over is waited for, and nothing new begins")
    func busy() async throws {
        let (fixture, _, client) = try await ground()
        try await fixture.house.house.worker.query(
            "update hand_overs set state = 'open', locked_until = now() + interval '1 hour' where tenant_id = \(fixture.tenant)")
        for _ in 0..<3 { #expect(try await !client.call(CampaignsRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone) }
        #expect(try await fixture.house.rows(of: fixture.tenant)["enrolments"] == 7)
        try await fixture.house.house.worker.query("update hand_overs set locked_until = now() where tenant_id = \(fixture.tenant)")
        try await purge(fixture, nil, by: client)
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
    }
}
