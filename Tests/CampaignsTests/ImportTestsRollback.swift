import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Campaigns

@Suite("Taking imports back")
struct ImportRollbackTests {
    private func rollBack(_ run: CampaignsFixture.Answer, _ fixture: CampaignsFixture) async throws -> CampaignsFixture.Answer {
        let answer = try await fixture.send(.post, "/api/v1/imports/\(run.text("id"))/rollback")
        #expect(answer.status == 202 && answer.text("status") == "rolling_back", "\(answer.body)")
        while try await fixture.service.importSweeper.step() {}
        return try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))")
    }

    private func change(_ email: String, _ fixture: CampaignsFixture) async throws {
        try await fixture.house.house.worker.query(
            "update leads set first_name = 'Mine', revision = revision + 1 where tenant_id = \(fixture.tenant) and email = \(email)")
    }

    @Test("created leads go and updated ones get their values back, but for what somebody has changed or enrolled since")
    func whole() async throws {
        let fixture = try await CampaignsFixture.make()
        let list = try await fixture.makeList()
        let other = WorkspaceID(UUID())
        _ = try await fixture.upload("email,first_name,city\nada@x.org,Ada,Oslo\nbo@x.org,Bo,Rome\n", "&tags=old", workspace: other)
        let run = try await fixture.upload(
            """
            email,first_name,city,time_zone
            ada@x.org,Ada B,Paris,Europe/Paris
            bo@x.org,Bo B,Paris,
            new@x.org,New,,
            edited@x.org,Edited,,
            enrolled@x.org,Enrolled,,
            """, "&duplicates=update&tags=hot&list=\(list)")
        #expect(numbers(run, "created", "updated") == [3, 2])
        #expect(try await fixture.members(of: list).count == 5)
        try await change("bo@x.org", fixture)
        try await change("edited@x.org", fixture)
        let enrolled = try #require(try await fixture.leads()["enrolled@x.org"]).id
        try await fixture.house.house.worker.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, due_at, created_at)
            values (\(fixture.tenant), \(UUID()), \(UUID()), \(enrolled), now(), now())
            """)
        let after = try await rollBack(run, fixture)
        #expect(after.text("status") == "rolled_back")
        #expect(numbers(after, "reverted", "kept") == [2, 3])
        let leads = try await fixture.leads()
        #expect(leads.keys.sorted() == ["ada@x.org", "bo@x.org", "edited@x.org", "enrolled@x.org"])
        let ada = try #require(leads["ada@x.org"])
        #expect(ada.firstName == "Ada" && ada.custom == #"{"city": "Oslo"}"# && ada.timeZone == nil && ada.tags == ["old"] && ada.revision == 3)
        let bo = try #require(leads["bo@x.org"])
        #expect(bo.firstName == "Mine" && bo.custom == #"{"city": "Paris"}"# && bo.tags == ["old"])
        #expect(leads["edited@x.org"]?.tags == ["hot"])
        let members = try await fixture.members(of: list)
        #expect(members.emails.sorted() == ["edited@x.org", "enrolled@x.org"] && members.count == 2)
        #expect(try await fixture.members(of: fixture.peers.workspace).sorted() == ["edited@x.org", "enrolled@x.org"])
        #expect(try await fixture.members(of: other).sorted() == ["ada@x.org", "bo@x.org"])
        #expect(try await fixture.leadCount() == 4)
        #expect(try await fixture.house.rows(of: fixture.tenant)["import_changes"] == nil)
        // Once more changes nothing.
        #expect(try await fixture.send(.post, "/api/v1/imports/\(run.text("id"))/rollback").text("status") == "rolled_back")
    }

    @Test("what was attached before stays attached, and values from before the first of two updates come back")
    func attachments() async throws {
        let fixture = try await CampaignsFixture.make()
        let list = try await fixture.makeList()
        _ = try await fixture.upload("email,first_name\nada@x.org,Ada\n", "&tags=hot&list=\(list)")
        let others = (0..<(ImportBatch.rows + 100)).map { "l\($0)@x.org,L" }.joined(separator: "\n")
        let run = try await fixture.upload("email,first_name\nada@x.org,One\n\(others)\nada@x.org,Two\n", "&duplicates=update&tags=hot&list=\(list)")
        #expect(numbers(run, "created", "updated", "duplicates") == [ImportBatch.rows + 100, 1, 1])
        #expect(try await fixture.leads()["ada@x.org"]?.firstName == "Two")
        let after = try await rollBack(run, fixture)
        #expect(numbers(after, "reverted", "kept") == [ImportBatch.rows + 101, 0])
        let ada = try #require(try await fixture.leads()["ada@x.org"])
        #expect(ada.firstName == "Ada" && ada.tags == ["hot"])
        let members = try await fixture.members(of: list)
        #expect(members.emails.sorted() == ["ada@x.org"] && members.count == 1)
        #expect(try await fixture.leadCount() == 1)
    }

    @Test("a lead that one import made and met again goes with it, unless somebody changed it in between or after")
    func metAgain() async throws {
        let fixture = try await CampaignsFixture.make()
        let others = (0..<(ImportBatch.rows + 100)).map { "l\($0)@x.org,L" }.joined(separator: "\n")
        let run = try await fixture.upload(
            "email,first_name\ngoes@x.org,One\nstays@x.org,One\n\(others)\ngoes@x.org,Two\nstays@x.org,Two\n", "&duplicates=update")
        try await change("stays@x.org", fixture)
        let after = try await rollBack(run, fixture)
        #expect(numbers(after, "reverted", "kept") == [ImportBatch.rows + 101, 1])
        #expect(try await fixture.leads().keys.sorted() == ["stays@x.org"])
    }

    @Test("leads that came into another workspace, import or list since stay, as does the place of whoever is in a campaign there")
    func elsewhere() async throws {
        let fixture = try await CampaignsFixture.make()
        let (list, other, worker) = (try await fixture.makeList(), WorkspaceID(UUID()), fixture.house.house.worker)
        _ = try await fixture.upload("email\nsent@x.org\n", workspace: other)
        let run = try await fixture.upload("email\ngoes@x.org\nplaced@x.org\nmet@x.org\nlisted@x.org\nsent@x.org\n")
        let leads = try await fixture.leads().mapValues(\.id)
        let (placed, listed, sent) = (try #require(leads["placed@x.org"]), try #require(leads["listed@x.org"]), try #require(leads["sent@x.org"]))
        try await worker.query(
            "insert into lead_workspaces (tenant_id, workspace_id, lead_id) values (\(fixture.tenant), \(other), \(placed))")
        _ = try await fixture.upload("email\nmet@x.org\n", "&list=\(list)")
        _ = try await fixture.send(.post, "/api/v1/lists/\(list)/leads", #"{"leads":["\#(listed)"]}"#)
        let campaign = UUID()
        try await worker.query(
            """
            insert into campaigns (tenant_id, id, workspace_id, name, status, created_at)
            values (\(fixture.tenant), \(campaign), \(fixture.peers.workspace), 'C', 'active', now())
            """)
        try await worker.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, due_at, created_at)
            values (\(fixture.tenant), \(UUID()), \(campaign), \(sent), now(), now())
            """)
        let after = try await rollBack(run, fixture)
        #expect(numbers(after, "reverted", "kept") == [1, 4])
        #expect(try await fixture.leads().keys.sorted() == ["listed@x.org", "met@x.org", "placed@x.org", "sent@x.org"])
        #expect(try await fixture.members(of: fixture.peers.workspace).contains("sent@x.org"))
    }

    @Test("it goes on where it stopped, batch after batch, whoever does it")
    func resumed() async throws {
        let fixture = try await CampaignsFixture.make()
        let run = try await fixture.upload("email\n" + (0..<2_500).map { "l\($0)@x.org" }.joined(separator: "\n"))
        _ = try await fixture.send(.post, "/api/v1/imports/\(run.text("id"))/rollback")
        #expect(try await fixture.service.importSweeper.step())
        let between = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))")
        #expect(between.text("status") == "rolling_back" && between.number("reverted") == ImportRollback.batch)
        #expect(try await fixture.leadCount() == 1_500)
        let house = fixture.house.house
        let another = ImportSweeper(database: house.worker, outbox: house.outbox, wakeup: .init(), clock: house.clock, logger: house.logger)
        while try await another.step() {}
        let after = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))")
        #expect(after.text("status") == "rolled_back" && after.number("reverted") == 2_500)
        #expect(try await fixture.house.rows(of: fixture.tenant).filter { ["leads", "lead_workspaces"].contains($0.key) } == [:])
    }

    @Test("an import without snapshots cannot be taken back, and another tenant finds none")
    func refused() async throws {
        let fixture = try await CampaignsFixture.make()
        let run = try await fixture.upload("email\na@x.org\n")
        let path = "/api/v1/imports/\(run.text("id"))/rollback"
        #expect(try await fixture.send(.post, path, tenant: TenantID(UUID())).status == 404)
        #expect(try await fixture.send(.post, path, role: .viewer).status == 403)
        try await fixture.house.house.worker.query("update imports set is_reversible = false where tenant_id = \(fixture.tenant)")
        #expect(try await fixture.send(.post, path).text("type") == "/problems/import_not_reversible")
        #expect(try await fixture.leads().count == 1)
    }
}
