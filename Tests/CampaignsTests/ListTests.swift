import Contracts
import Foundation
import HTTP
import Postgres
import RPC
import TestSupport
import Testing

@testable import Campaigns

@Suite("Lists")
struct ListTests {
    private func made(_ fixture: CampaignsFixture, _ name: String = "Friends") async throws -> (path: String, id: ListID) {
        let answer = try await fixture.send(.post, "/api/v1/lists", #"{"workspace":"\#(fixture.peers.workspace)","name":"\#(name)"}"#)
        #expect(answer.status == 201, "\(answer.body)")
        return ("/api/v1/lists/\(answer.text("id"))", ListID(answer.text("id"))!)
    }

    private func body(_ leads: some Sequence<LeadID>) -> String {
        #"{"leads":[\#(leads.map { "\"\($0)\"" }.joined(separator: ","))]}"#
    }

    /// The list's own count beside the rows it stands for.
    private func counted(_ list: ListID, _ fixture: CampaignsFixture) async throws -> [Int] {
        let rows = try await fixture.house.house.worker.query(
            """
            select k.leads, (select count(*) from list_members m where m.tenant_id = k.tenant_id and m.list_id = k.id) as real
            from lists k where k.tenant_id = \(fixture.tenant) and k.id = \(list)
            """)
        return [try rows[0].decode("leads"), try rows[0].decode("real")]
    }

    @Test("a list is made, renamed and deleted; the leads stay")
    func life() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(2)
        let (path, list) = try await made(fixture)
        _ = try await fixture.send(.post, "\(path)/leads", body(leads))
        let read = try await fixture.versioned(.get, path)
        #expect(read.answer.number("leads") == 2 && read.tag == "\"1\"", "members raise no revision")
        let lead = "/api/v1/leads/\(leads[0])"
        #expect(try await fixture.send(.get, lead).body.contains(list.description), "a lead says where it is")
        #expect(try await fixture.versioned(.patch, path, #"{"name":"Foes"}"#, ifMatch: nil).answer.status == 428)
        let renamed = try await fixture.versioned(.patch, path, #"{"name":"Foes"}"#, ifMatch: "\"1\"")
        #expect(renamed.answer.text("name") == "Foes" && renamed.tag == "\"2\"")
        #expect(try await fixture.versioned(.patch, path, #"{"name":"Friends"}"#, ifMatch: "\"1\"").answer.status == 412)
        _ = try await made(fixture, "Others")
        let taken = try await fixture.versioned(.patch, path, #"{"name":"Others"}"#)
        #expect(taken.answer.status == 409 && taken.answer.body.contains("name_taken"))
        let all = try await fixture.send(.get, "/api/v1/lists?workspace=\(fixture.peers.workspace)")
        #expect(all.body.contains("Foes") && all.body.contains("Others"))
        try await fixture.insertCampaign("list", list.description, status: "active")
        #expect(try await fixture.versioned(.delete, path).answer.body.contains("list_in_use"))
        try await fixture.house.house.worker.query("update campaigns set status = 'completed' where tenant_id = \(fixture.tenant)")
        #expect(try await fixture.versioned(.delete, path, ifMatch: "\"2\"").answer.status == 204)
        #expect(try await fixture.send(.get, path).status == 404)
        #expect(try await !fixture.send(.get, lead).body.contains(list.description))
        let left = try await fixture.house.rows(of: fixture.tenant)
        #expect(left["leads"] == 2 && left["list_members"] == nil && left["lists"] == 1)
    }

    @Test("only the workspace's own leads come in, each once, and the count is theirs")
    func members() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(5)
        let elsewhere = try await fixture.insertLeads(2, prefix: "elsewhere", in: WorkspaceID(UUID()))
        let foreign = try await fixture.insertLeads(1, prefix: "foreign", of: TenantID(UUID()))
        let (path, list) = try await made(fixture)
        let first = try await fixture.send(.post, "\(path)/leads", body(leads.prefix(3) + leads.prefix(2) + elsewhere + foreign))
        #expect(first.status == 200 && first.body == #"{"added":3,"known":0,"leads":3,"skipped":3}"#, "\(first.body)")
        let second = try await fixture.send(.post, "\(path)/leads", body(leads))
        #expect(second.body == #"{"added":2,"known":3,"leads":5,"skipped":0}"#)
        let gone = try await fixture.send(.delete, "\(path)/leads", body([leads[0], leads[0], elsewhere[0]]))
        #expect(gone.status == 200 && gone.body == #"{"leads":4,"removed":1}"#, "\(gone.body)")
        #expect(try await counted(list, fixture) == [4, 4])
        var (found, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try await fixture.send(.get, "\(path)/leads?limit=3" + (cursor.map { "&cursor=\($0)" } ?? ""))
            found += (page.member("data") as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            cursor = (page.member("page") as? [String: Any])?["next"] as? String
        } while cursor != nil
        #expect(found == leads.dropFirst().map(\.description))
        let audits = try await fixture.house.house.worker.query(
            """
            select body::jsonb #>> '{header,audit,action}' || ' ' || (body::jsonb #> '{header,audit,metadata}')::text as told, body
            from outbox where tenant_id = \(fixture.tenant) and body::jsonb #>> '{header,audit,action}' like 'list.%_leads' order by 1
            """)
        let told: [String] = try audits.map { try $0.decode("told") }
        #expect(told == [#"list.add_leads {"added": "2"}"#, #"list.add_leads {"added": "3"}"#, #"list.remove_leads {"removed": "1"}"#])
        #expect(try audits.allSatisfy { try !$0.decode("body", as: String.self).contains("@x.org") })
    }

    @Test("many at once fill one list, and its count stays right")
    func together() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(60)
        let (path, list) = try await made(fixture)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in 0..<6 {
                let part = body(leads[(start * 8)..<(start * 8 + 20)])
                group.addTask {
                    let answer = try await fixture.send(.post, "\(path)/leads", part)
                    #expect(answer.status == 200, "\(answer.body)")
                }
            }
            try await group.waitForAll()
        }
        #expect(try await counted(list, fixture) == [60, 60])
    }

    @Test("leads leave a list by POST as well, for those who send no body with DELETE")
    func removedByPost() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(3)
        let (path, list) = try await made(fixture)
        _ = try await fixture.send(.post, "\(path)/leads", body(leads))
        #expect(try await fixture.send(.post, "\(path)/leads/remove", body(leads), role: .viewer).status == 403)
        let gone = try await fixture.send(.post, "\(path)/leads/remove", body(leads.prefix(2)))
        #expect(gone.status == 200 && gone.body == #"{"leads":1,"removed":2}"#, "\(gone.body)")
        #expect(try await counted(list, fixture) == [1, 1])
    }

    @Test("a request names 1 to 1,000 leads, and each is an identifier")
    func bounds() async throws {
        let fixture = try await CampaignsFixture.make()
        let (path, _) = try await made(fixture)
        let many = (0..<1_001).map { _ in LeadID(UUID()) }
        #expect(try await fixture.send(.post, "\(path)/leads", body(many.dropLast())).body.contains(#""skipped":1000"#))
        for bad in [body(many), #"{"leads":[]}"#, #"{"leads":["x"]}"#, "{}"] {
            #expect(try await fixture.send(.post, "\(path)/leads", bad).status == 400)
            #expect(try await fixture.send(.delete, "\(path)/leads", bad).status == 400)
            #expect(try await fixture.send(.post, "\(path)/leads/remove", bad).status == 400)
        }
    }

    @Test("strangers, viewers and people of other workspaces find or change nothing")
    func access() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(1)
        let (path, _) = try await made(fixture)
        for route in [path, "\(path)/leads"] {
            #expect(try await fixture.send(.get, route, tenant: TenantID(UUID())).status == 404)
            #expect(try await fixture.versioned(.get, route, workspaces: [WorkspaceID(UUID())]).answer.status == 404)
            #expect(try await fixture.send(.get, route, role: .viewer).status == 200)
        }
        #expect(try await fixture.send(.post, "\(path)/leads", body(leads), tenant: TenantID(UUID())).status == 404)
        #expect(try await fixture.send(.post, "\(path)/leads", body(leads), role: .viewer).status == 403)
        #expect(try await fixture.versioned(.patch, path, #"{"name":"X"}"#, role: .viewer).answer.status == 403)
        #expect(try await fixture.versioned(.delete, path, workspaces: [WorkspaceID(UUID())]).answer.status == 404)
        let foreign = #"{"workspace":"\#(WorkspaceID(UUID()))","name":"X"}"#
        #expect(try await fixture.versioned(.post, "/api/v1/lists", foreign, workspaces: [fixture.peers.workspace]).answer.status == 404)
    }

    @Test("with a workspace its lists and segments go, with the company its fields and activities too")
    func purge() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(3)
        let (path, _) = try await made(fixture)
        _ = try await fixture.send(.post, "\(path)/leads", body(leads))
        let other = WorkspaceID(UUID())
        for workspace in [fixture.peers.workspace, other] {
            _ = try await fixture.send(
                .post, "/api/v1/segments", CampaignsFixture.segmentBody(workspace, "S", #"{"field":"tag","operator":"is_set"}"#))
        }
        try await fixture.insertField("size", "number")
        try await fixture.house.house.worker.query(
            """
            insert into lead_activities (tenant_id, lead_id, id, kind, actor, at)
            values (\(fixture.tenant), \(leads[0]), \(UUID()), 'created', 'test', \(fixture.house.clock.clock.now))
            """)
        let client = RPCClient.local(fixture.house.router(fixture.service), caller: .auth)
        func purge(_ workspace: WorkspaceID?) async throws {
            for _ in 0..<20 {
                if try await client.call(CampaignsRPC.Purge(tenant: fixture.tenant, workspace: workspace)).isDone { return }
            }
            Issue.record("the purge does not end")
        }
        try await purge(fixture.peers.workspace)
        let left = try await fixture.house.rows(of: fixture.tenant)
        #expect(left["lists"] == nil && left["list_members"] == nil && left["segments"] == 1 && left["custom_fields"] == 1, "\(left)")
        #expect(left["leads"] == 3 && left["lead_activities"] == 1)
        try await purge(nil)
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
    }
}
