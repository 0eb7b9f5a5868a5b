import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

@Suite("A lead's timeline")
struct LeadTimelineTests {
    @Test("all sources in one order, newest first, page by page")
    func pages() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.create("a@x.org")
        let path = "/api/v1/leads/\(made.text("id"))"
        let lead = try #require(LeadID(made.text("id")))
        ground.house.clock.advance(by: .seconds(1))
        _ = try await ground.send(.patch, path, #"{"company":"Co","tags":["x"]}"#, match: "*")
        ground.house.clock.advance(by: .seconds(1))
        let campaign = CampaignID(UUID())
        try await ground.worker.query(
            """
            insert into campaigns (tenant_id, id, workspace_id, name, status, created_at)
            values (\(ground.tenant), \(campaign), \(ground.workspace), 'Spring', 'active', \(ground.now))
            """)
        try await ground.worker.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, due_at, created_at)
            values (\(ground.tenant), \(UUID.v7(at: ground.now)), \(campaign), \(lead), \(ground.now), \(ground.now))
            """)
        ground.house.clock.advance(by: .seconds(1))
        _ = try await ground.send(.patch, path, #"{"status":"unsubscribed"}"#, match: "*")

        let whole = try await ground.send(.get, "\(path)/activity", role: .viewer)
        let kinds = whole.data("kind")
        #expect([kinds.first, kinds.last] == ["unsubscribed", "created"])
        #expect(kinds.count == 5 && kinds[1] == "enrolled" && Set(kinds[2...3]) == ["updated", "tagged"], "\(kinds)")
        #expect(whole.body.contains(#""campaign_name":"Spring""#) && whole.body.contains(#""fields":["company"]"#))
        #expect(whole.body.contains(#""actor":"user:\#(ground.user)""#))
        var paged: [String] = []
        var cursor = ""
        for _ in 0..<5 {
            let page = try await ground.send(.get, "\(path)/activity?limit=1\(cursor)")
            paged += page.data("id")
            guard let next = page.next else { break }
            cursor = "&cursor=\(next)"
        }
        #expect(paged == whole.data("id"))
        // Campaigns of a workspace that the reader cannot use stay unknown.
        _ = try await ground.send(.patch, path, #"{"add_workspaces":["\#(ground.other)"]}"#, match: "*")
        let limited = try await ground.send(.get, "\(path)/activity", role: .member, workspaces: [ground.other])
        #expect(limited.status == 200 && !limited.data("kind").contains("enrolled") && !limited.body.contains("Spring"))
        // Nor is it told of the workspace itself, in which the lead was made.
        #expect(!limited.body.contains(ground.workspace.description) && limited.data("kind").contains("added_to_workspace"), "\(limited.body)")
    }

    @Test("a lead that nobody made by hand was imported")
    func imported() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(1)
        let id = try await ground.list().data("id")[0]
        let answer = try await ground.send(.get, "/api/v1/leads/\(id)/activity")
        #expect(answer.data("kind") == ["imported"])
    }
}
