import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Campaigns

@Suite("Leads one by one")
struct LeadRoutesTests {
    @Test("a lead is made, read, counted and told of by its identifier only")
    func create() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.create(
            "Ada@X.org", #""first_name":" Ada ","company":"Penguins","tags":["vip","vip"," new "],"time_zone":"Europe/Oslo""#)
        #expect(made.status == 201, "\(made.body)")
        #expect([made.text("email"), made.text("first_name"), made.text("status"), made.tag ?? ""] == ["ada@x.org", "Ada", "active", "\"1\""])
        #expect(made.texts("tags") == ["vip", "new"])
        #expect(made.texts("workspaces") == [ground.workspace.description])
        let read = try await ground.send(.get, "/api/v1/leads/\(made.text("id"))", role: .viewer)
        #expect(read.body == made.body && read.tag == "\"1\"")
        #expect(try await ground.counts() == [1, 1])
        let records = try await ground.audits()
        #expect(records.map(\.action) == ["lead.create"])
        #expect(records[0].targets.map(\.id) == [made.text("id")])
        let told = try await ground.told().lowercased()
        #expect(!told.contains("ada@") && !told.contains("\"ada\"") && !told.contains("penguins"))
    }

    @Test("an address that the workspace has is a conflict that names the lead; one of another workspace is attached as it is")
    func known() async throws {
        let ground = try await LeadGround.make()
        let list = try await ground.makeList(in: ground.other)
        let made = try await ground.create("ada@x.org", #""first_name":"Ada""#)
        let again = try await ground.create("ADA@x.org", #""first_name":"Eve""#)
        #expect(again.status == 409 && again.kind == "lead_exists" && again.text("id") == made.text("id"))
        let attached = try await ground.create("ada@x.org", #""first_name":"Eve","list":"\#(list)""#, in: ground.other)
        #expect(attached.status == 200 && attached.text("id") == made.text("id") && attached.text("first_name") == "Ada")
        #expect(Set(attached.texts("workspaces")) == [ground.workspace.description, ground.other.description])
        // Another place is a change.
        #expect(attached.tag == "\"2\"")
        #expect(try await ground.counts() == [1, 1])
        #expect(try await ground.sizes(of: list) == [1, 1])
        let limited = try await ground.send(.get, "/api/v1/leads/\(made.text("id"))", role: .viewer, workspaces: [ground.other])
        #expect(limited.texts("workspaces") == [ground.other.description])
    }

    @Test("the plan's limit is held, attaching a known lead needs no room, and a request that failed leaves nothing")
    func limit() async throws {
        let ground = try await LeadGround.make()
        ground.peers.state.withLock { $0.leadLimit = 1 }
        _ = try await ground.create("a@x.org")
        let refused = try await ground.create("b@x.org")
        #expect(refused.status == 422 && refused.kind == "lead_limit_reached")
        #expect(try await ground.create("a@x.org", in: ground.other).status == 200)
        #expect(try await ground.create("a@x.org", #""list":"\#(UUID())""#, in: WorkspaceID(UUID())).kind == "list_not_found")
        #expect(try await ground.counts() == [1, 1])
        #expect(try await ground.house.rows(of: ground.tenant)["lead_workspaces"] == 2)
    }

    @Test("two at once cannot both take the last place")
    func race() async throws {
        let ground = try await LeadGround.make()
        ground.peers.state.withLock { $0.leadLimit = 3 }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 { group.addTask { try await ground.create("l\(number)@x.org").status } }
            return try await group.reduce(into: [Int]()) { $0.append($1) }.sorted()
        }
        #expect(statuses == [201, 201, 201, 422, 422, 422, 422, 422])
        #expect(try await ground.counts() == [3, 3])
    }

    @Test("an address that Delivery does not write to comes as suppressed")
    func suppressed() async throws {
        let ground = try await LeadGround.make()
        ground.peers.state.withLock { $0.suppressed = ["no@x.org"] }
        #expect(try await ground.create("no@x.org").text("status") == "suppressed")
        #expect(try await ground.create("yes@x.org").text("status") == "active")
    }

    @Test(
        "what does not fit is refused with the field",
        arguments: [
            (#""email":"nobody""#, 400, "email"), (#""email":"a@x.org","time_zone":"Mars/Base""#, 400, "time_zone"),
            (#""email":"a@x.org","tags":[""]"#, 400, "tags"), (#""email":"a@x.org","custom":{"nothing":1}"#, 422, "custom.nothing"),
            (#""email":"a@x.org","custom":{"shoe":"big"}"#, 422, "custom.shoe"),
            (#""email":"a@x.org","custom":{"born":"2025-02-30"}"#, 422, "custom.born"),
            (#""email":"a@x.org","custom":{"size":"XXL"}"#, 422, "custom.size"), (#""email":"a@x.org","first_name":7"#, 400, "first_name"),
        ])
    func refused(members: String, status: Int, field: String) async throws {
        let ground = try await LeadGround.make()
        for field in [
            #"{"key":"shoe","name":"Shoe","kind":"number"}"#, #"{"key":"born","name":"Born","kind":"date"}"#,
            #"{"key":"size","name":"Size","kind":"choice","choices":["S","M"]}"#,
        ] {
            #expect(try await ground.send(.post, "/api/v1/leads/fields", field).status == 201)
        }
        let answer = try await ground.send(.post, "/api/v1/leads", #"{"workspace":"\#(ground.workspace)",\#(members)}"#)
        #expect(answer.status == status && answer.text("field") == field, "\(answer.body)")
        #expect(try await ground.house.rows(of: ground.tenant)["leads"] == nil)
    }

    @Test("the same key with the same body makes one lead")
    func idempotent() async throws {
        let ground = try await LeadGround.make()
        let body = #"{"workspace":"\#(ground.workspace)","email":"a@x.org"}"#
        let first = try await ground.send(.post, "/api/v1/leads", body, key: "k")
        let second = try await ground.send(.post, "/api/v1/leads", body, key: "k")
        #expect(first.status == 201 && second.status == 201 && first.body == second.body)
        let other = try await ground.send(.post, "/api/v1/leads", body.replacing("a@x", with: "b@x"), key: "k")
        #expect(other.kind == "idempotency_mismatch")
    }

    @Test("a change merges, null removes, what was changed meanwhile is not overwritten, and a change to nothing raises nothing")
    func change() async throws {
        let ground = try await LeadGround.make()
        _ = try await ground.send(.post, "/api/v1/leads/fields", #"{"key":"shoe","name":"Shoe","kind":"number"}"#)
        _ = try await ground.send(.post, "/api/v1/leads/fields", #"{"key":"city","name":"City","kind":"text"}"#)
        let made = try await ground.create("a@x.org", #""first_name":"Ada","company":"Co","custom":{"shoe":38,"city":"Oslo"}"#)
        let path = "/api/v1/leads/\(made.text("id"))"
        #expect(try await ground.send(.patch, path, "{}").status == 428)
        let changed = try await ground.send(
            .patch, path, #"{"company":null,"last_name":"L","custom":{"shoe":null,"city":"Rome"},"tags":["x"]}"#, match: made.tag)
        #expect(changed.status == 200 && changed.tag == "\"2\"", "\(changed.body)")
        #expect(changed.text("first_name") == "Ada" && changed.text("last_name") == "L" && changed.member("company") == nil)
        #expect((changed.member("custom") as? [String: String]) == ["city": "Rome"])
        let late = try await ground.send(.patch, path, #"{"first_name":"Eve"}"#, match: made.tag)
        #expect(late.status == 412 && late.kind == "changed_meanwhile")
        #expect(try await ground.send(.patch, path, #"{"last_name":"L"}"#, match: changed.tag).tag == "\"2\"")
        #expect(try await ground.send(.get, path).text("first_name") == "Ada")
        let record = try #require(try await ground.audits().last)
        #expect(record.action == "lead.update")
        #expect(record.changes.map(\.path) == ["last_name", "company", "custom.city", "custom.shoe", "tags"])
        #expect(record.changes.allSatisfy { $0.before == nil && $0.after == nil })
    }

    @Test("an opt-out by hand reaches Delivery first, and nobody takes it back")
    func optOut() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.create("a@x.org")
        let path = "/api/v1/leads/\(made.text("id"))"
        let out = try await ground.send(.patch, path, #"{"status":"unsubscribed"}"#, match: made.tag)
        #expect(out.text("status") == "unsubscribed")
        #expect(ground.suppressions.addresses == ["a@x.org"])
        #expect(ground.suppressions.all.map(\.source) == ["user:\(ground.user)"])
        let back = try await ground.send(.patch, path, #"{"status":"active"}"#, match: out.tag)
        #expect(back.status == 422 && back.kind == "opt_out_is_final")
        #expect(try await ground.send(.patch, path, #"{"status":"unsubscribed"}"#, match: out.tag).tag == out.tag)
        let other = try await ground.create("b@x.org")
        #expect(try await ground.send(.patch, "/api/v1/leads/\(other.text("id"))", #"{"status":"bounced"}"#, match: "*").status == 400)
        #expect(ground.suppressions.all.count == 1)
    }

    @Test("an opt-out by hand ends the lead's enrolments in the same commit, and nobody else's")
    func optOutEnds() async throws {
        let ground = try await LeadGround.make()
        let list = try await ground.makeList()
        let out = try #require(LeadID(try await ground.create("a@x.org", #""list":"\#(list)""#).text("id")))
        let other = try #require(LeadID(try await ground.create("b@x.org").text("id")))
        let campaign = try await ground.makeCampaign(enrolling: [out, other])
        let path = "/api/v1/leads/\(out)"
        #expect(try await ground.send(.patch, path, #"{"company":"Co"}"#, match: "*").status == 200)
        #expect(try await ground.standing(in: campaign) == [[2, 0], [2, 0]])
        // Refused as a whole: nothing ends.
        #expect(try await ground.send(.patch, path, #"{"status":"unsubscribed"}"#, match: "\"1\"").status == 412)
        #expect(try await ground.standing(in: campaign) == [[2, 0], [2, 0]])
        let body = #"{"status":"unsubscribed","remove_workspaces":["\#(ground.workspace)"]}"#
        #expect(try await ground.send(.patch, path, body, match: "*").text("status") == "unsubscribed")
        #expect(try await ground.standing(in: campaign) == [[1, 1], [1, 1]])
        // The scheduler is to see whether the campaign is done.
        let isWoken: Bool = try await ground.worker.query(
            "select next_at <= \(ground.now) as woken from campaigns where tenant_id = \(ground.tenant) and id = \(campaign)")[0].decode("woken")
        #expect(isWoken)
    }

    @Test("whoever is limited to workspaces meets only their leads, and another company none")
    func hidden() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.create("a@x.org")
        let path = "/api/v1/leads/\(made.text("id"))"
        let strangers: [(TenantID?, [WorkspaceID]?)] = [(nil, [ground.other]), (TenantID(UUID()), nil)]
        for (tenant, workspaces) in strangers {
            let calls: [(HTTPRequest.Method, String)] = [(.get, path), (.get, path + "/activity"), (.patch, path), (.delete, path)]
            for (method, place) in calls {
                let answer = try await ground.send(
                    method, place, method == .patch ? "{}" : nil, tenant: tenant, role: .member, workspaces: workspaces, match: "*")
                #expect(answer.status == 404, "\(method) \(place)")
            }
        }
        let query = "/api/v1/leads?workspace=\(ground.workspace)"
        #expect(try await ground.send(.get, query, role: .member, workspaces: [ground.other]).status == 404)
        #expect(try await ground.send(.get, query, tenant: TenantID(UUID())).data("id") == [])
        #expect(try await ground.send(.patch, path, "{}", role: .viewer, match: "*").status == 403)
        let member = try await ground.send(.get, path, role: .member, workspaces: [ground.workspace, ground.other])
        #expect(member.status == 200)
        let moved = try await ground.send(
            .patch, path, #"{"add_workspaces":["\#(UUID())"]}"#, role: .member, workspaces: [ground.workspace], match: "*")
        #expect(moved.status == 404)
    }

    @Test("a limited member who asks for an address that stands elsewhere gets neither the lead nor its values")
    func elsewhere() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.create("ada@x.org", #""first_name":"Ada""#)
        let body = #"{"workspace":"\#(ground.other)","email":"ada@x.org"}"#
        let refused = try await ground.send(.post, "/api/v1/leads", body, role: .member, workspaces: [ground.other])
        #expect(refused.status == 409 && refused.kind == "lead_elsewhere" && !refused.body.contains(made.text("id")))
        #expect(try await ground.send(.get, "/api/v1/leads/\(made.text("id"))").texts("workspaces") == [ground.workspace.description])
        let both = try await ground.send(.post, "/api/v1/leads", body, role: .member, workspaces: [ground.workspace, ground.other])
        #expect(both.status == 200)
    }

    @Test("leads that are in no workspace any more are found and deleted by whoever may use all")
    func unattached() async throws {
        let ground = try await LeadGround.make()
        var alone: [String] = []
        for number in 0..<3 {
            let lead = try await ground.create("l\(number)@x.org").text("id")
            #expect(try await ground.send(.delete, "/api/v1/leads/\(lead)?workspace=\(ground.workspace)", match: "*").status == 204)
            alone.insert(lead, at: 0)
            ground.house.clock.advance(by: .seconds(1))
        }
        _ = try await ground.create("placed@x.org")
        let path = "/api/v1/leads?workspace=none"
        let page = try await ground.send(.get, "\(path)&limit=2")
        let rest = try await ground.send(.get, "\(path)&limit=2&cursor=\(page.next ?? "")")
        #expect(page.data("id") + rest.data("id") == alone && rest.next == nil, "\(page.body)")
        #expect(try await ground.send(.get, "\(path)&q=l1").status == 400)
        #expect(try await ground.send(.get, path, role: .member, workspaces: [ground.workspace]).status == 403)
        #expect(try await ground.send(.get, path, tenant: TenantID(UUID())).data("id") == [])
        #expect(try await ground.send(.delete, "/api/v1/leads/\(alone[0])", match: "*").status == 204)
        #expect(try await ground.send(.get, path).data("id") == Array(alone.dropFirst()))
        let many = (0..<51).map { _ in "\"\(WorkspaceID(UUID()))\"" }.joined(separator: ",")
        let refused = try await ground.send(.patch, "/api/v1/leads/\(alone[1])", #"{"add_workspaces":[\#(many)]}"#, match: "*")
        #expect(refused.status == 400 && refused.text("field") == "add_workspaces")
    }

    @Test("a lead leaves a workspace with its lists, and a deleted one leaves nothing")
    func delete() async throws {
        let ground = try await LeadGround.make()
        let list = try await ground.makeList()
        let made = try await ground.create("a@x.org", #""list":"\#(list)""#)
        let path = "/api/v1/leads/\(made.text("id"))"
        _ = try await ground.send(.patch, path, #"{"add_workspaces":["\#(ground.other)"]}"#, match: made.tag)
        #expect(try await ground.send(.delete, path).status == 428)
        #expect(try await ground.send(.delete, path, match: made.tag).status == 412)
        // It is in a workspace that this person cannot use.
        #expect(try await ground.send(.delete, path, role: .member, workspaces: [ground.workspace], match: "*").status == 403)
        #expect(try await ground.sizes(of: list) == [1, 1])
        #expect(try await ground.send(.delete, "\(path)?workspace=\(ground.workspace)", match: "*").status == 204)
        #expect(try await ground.sizes(of: list) == [0, 0])
        #expect(try await ground.send(.get, path).texts("workspaces") == [ground.other.description])
        #expect(try await ground.send(.delete, "\(path)?workspace=\(ground.workspace)", match: "*").status == 404)
        #expect(try await ground.send(.delete, path, match: "*").status == 204)
        #expect(try await ground.send(.get, path).status == 404)
        #expect(try await ground.counts() == [0, 0])
        let left = try await ground.house.rows(of: ground.tenant)
        #expect(Set(left.keys).isSubset(of: ["lists", "lead_counts", "idempotency_keys"]), "\(left)")
        #expect(try await ground.audits().map(\.action) == ["lead.create", "lead.update", "lead.update", "lead.delete"])
    }

    @Test("a lead that was in a campaign is not deleted but erased")
    func enrolled() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.create("a@x.org")
        let lead = try #require(LeadID(made.text("id")))
        try await ground.worker.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, due_at, created_at)
            values (\(ground.tenant), \(UUID()), \(UUID()), \(lead), \(ground.now), \(ground.now))
            """)
        let answer = try await ground.send(.delete, "/api/v1/leads/\(lead)", match: "*")
        #expect(answer.status == 422 && answer.kind == "use_erasure")
        #expect(try await ground.counts() == [1, 1])
    }
}
