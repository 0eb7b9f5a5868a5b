import Contracts
import Foundation
import HTTP
import Postgres
import TestSupport
import Testing

@testable import Campaigns

@Suite("Many leads at once")
struct LeadBulkTests {
    private func bulk(
        _ ground: LeadGround, _ selection: String, _ action: String, _ value: String? = nil, key: String? = nil, role: Role = .member,
        workspaces: [WorkspaceID]? = nil
    ) async throws -> LeadGround.Answer {
        let rest = value.map { ",\"value\":\($0)" } ?? ""
        return try await ground.send(
            .post, "/api/v1/leads/bulk", #"{"workspace":"\#(ground.workspace)",\#(selection),"action":"\#(action)"\#(rest)}"#, role: role,
            workspaces: workspaces, key: key)
    }

    private func named(_ leads: [String]) -> String {
        "\"leads\":[\(leads.map { "\"\($0)\"" }.joined(separator: ","))]"
    }

    @Test("tags are added and removed once, each lead's timeline says so, and what is not in the workspace is skipped")
    func tags() async throws {
        let ground = try await LeadGround.make()
        let first = try await ground.create("a@x.org", #""tags":["old"]"#).text("id")
        let second = try await ground.create("b@x.org").text("id")
        let foreign = try await ground.create("c@x.org", in: ground.other).text("id")
        ground.house.clock.advance(by: .seconds(1))
        let all = named([first, second, second, foreign])
        let added = try await bulk(ground, all, "add_tags", #"["old","new"]"#)
        #expect([added.number("changed"), added.number("skipped")] as [Int] == [2, 2], "\(added.body)")
        let again = try await bulk(ground, all, "add_tags", #"["old","new"]"#)
        #expect([again.number("changed"), again.number("skipped")] as [Int] == [0, 4])
        #expect(try await ground.send(.get, "/api/v1/leads/\(first)").texts("tags") == ["old", "new"])
        #expect(try await ground.send(.get, "/api/v1/leads/\(foreign)").texts("tags") == [])
        #expect(try await bulk(ground, named([first, second]), "remove_tags", #"["old"]"#).number("changed") == 2)
        let lead = try await ground.send(.get, "/api/v1/leads/\(first)")
        #expect(lead.texts("tags") == ["new"] && lead.tag == "\"3\"")
        #expect(try await ground.send(.get, "/api/v1/leads/\(first)/activity").data("kind") == ["tagged", "tagged", "created"])
        let records = try await ground.audits().filter { $0.action == "leads.bulk" }
        #expect(records.map { $0.metadata["changed"] } == ["2", "2"])
        #expect(records[0].targets.map(\.type) == ["workspace"])
    }

    @Test("a list's own count follows every change in the same commit")
    func lists() async throws {
        let ground = try await LeadGround.make()
        let list = try await ground.makeList()
        try await ground.seed(2_300)
        let into = try await bulk(ground, #""filter":{}"#, "add_to_list", "\"\(list)\"")
        #expect([into.number("changed"), into.number("skipped")] as [Int] == [2_300, 0], "\(into.body)")
        #expect(try await ground.sizes(of: list) == [2_300, 2_300])
        let tagged = try await bulk(ground, #""filter":{"tag":"rare"}"#, "remove_from_list", "\"\(list)\"")
        #expect(tagged.number("changed") == 4)
        #expect(try await ground.sizes(of: list) == [2_296, 2_296])
        let gone = try await bulk(ground, "\"filter\":{\"list\":\"\(list)\",\"q\":\"ada\"}", "remove_from_workspace")
        let sizes = try await ground.sizes(of: list)
        #expect(gone.number("changed") > 500 && sizes == [2_296 - gone.number("changed"), 2_296 - gone.number("changed")])
        let foreign = try await ground.makeList("F", in: ground.other)
        #expect(try await bulk(ground, #""filter":{}"#, "add_to_list", "\"\(foreign)\"").kind == "list_not_found")
    }

    @Test("opt-outs of many reach Delivery in portions, and only those who were not out yet")
    func unsubscribe() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(1_201)
        let out = try await ground.list("q=user1")
        _ = try await bulk(ground, named(out.data("id")), "unsubscribe")
        let all = try await bulk(ground, #""filter":{}"#, "unsubscribe")
        #expect(all.number("changed") + out.data("id").count == 1_201)
        #expect(ground.suppressions.all.allSatisfy { $0.addresses.count <= 500 && $0.tenant == ground.tenant && $0.workspace == nil })
        #expect(Set(ground.suppressions.addresses).count == 1_201 && ground.suppressions.addresses.count == 1_201)
        #expect(try await ground.list("status=active").data("id") == [])
    }

    @Test("an opt-out of many ends their enrolments in the same commit")
    func unsubscribeEnds() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(1_100)
        let leads = try await ground.worker.query("select id from leads where tenant_id = \(ground.tenant) order by id").map {
            try $0.decode("id", as: LeadID.self)
        }
        let campaign = try await ground.makeCampaign(enrolling: leads)
        #expect(try await bulk(ground, #""filter":{"q":"ada"}"#, "add_tags", #"["x"]"#).number("changed") == 275)
        #expect(try await ground.standing(in: campaign) == [[1_100, 0], [1_100, 0]])
        #expect(try await bulk(ground, #""filter":{"q":"ada"}"#, "unsubscribe").number("changed") == 275)
        #expect(try await ground.standing(in: campaign) == [[825, 275], [825, 275]])
        #expect(try await bulk(ground, #""filter":{}"#, "unsubscribe").number("changed") == 825)
        #expect(try await ground.standing(in: campaign) == [[0, 1_100], [0, 1_100]])
    }

    @Test("fields are set and cleared, checked against their kinds")
    func fields() async throws {
        let ground = try await LeadGround.make()
        _ = try await ground.send(.post, "/api/v1/leads/fields", #"{"key":"shoe","name":"Shoe","kind":"number"}"#)
        let lead = try await ground.create("a@x.org").text("id")
        let one = named([lead])
        #expect(try await bulk(ground, one, "set_field", #"{"field":"company","value":"Co"}"#).number("changed") == 1)
        #expect(try await bulk(ground, one, "set_field", #"{"field":"shoe","value":38}"#).number("changed") == 1)
        #expect(try await bulk(ground, one, "set_field", #"{"field":"custom.shoe","value":38}"#).number("changed") == 0)
        var read = try await ground.send(.get, "/api/v1/leads/\(lead)")
        #expect(read.text("company") == "Co" && (read.member("custom") as? [String: Int]) == ["shoe": 38])
        #expect(try await bulk(ground, one, "set_field", #"{"field":"shoe","value":"big"}"#).kind == "custom_field_invalid")
        #expect(try await bulk(ground, one, "set_field", #"{"field":"hat","value":1}"#).kind == "custom_field_unknown")
        #expect(try await bulk(ground, one, "set_field", #"{"field":"time_zone","value":"Mars"}"#).status == 400)
        #expect(try await bulk(ground, one, "set_field", #"{"field":"shoe","value":null}"#).number("changed") == 1)
        #expect(try await bulk(ground, one, "set_field", #"{"field":"company"}"#).number("changed") == 1)
        read = try await ground.send(.get, "/api/v1/leads/\(lead)")
        #expect(read.member("company") == nil && (read.member("custom") as? [String: Int]) == [:])
    }

    @Test("more than ten thousand are not touched, and the answer says how to narrow")
    func tooMany() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(10_001)
        let refused = try await bulk(ground, #""filter":{}"#, "add_tags", #"["x"]"#)
        #expect(refused.status == 422 && refused.kind == "too_many" && refused.text("detail").contains("Narrow"))
        #expect(try await ground.list("tag=x").data("id") == [])
        let narrowed = try await bulk(ground, #""filter":{"q":"company"}"#, "add_tags", #"["x"]"#)
        #expect(narrowed.kind == "too_many")
        #expect(try await bulk(ground, #""filter":{"q":"ada"}"#, "add_tags", #"["x"]"#).number("changed") == 2_500)
    }

    @Test("the same key runs once, and callers who may not are refused")
    func callers() async throws {
        let ground = try await LeadGround.make()
        let lead = try await ground.create("a@x.org").text("id")
        let first = try await bulk(ground, named([lead]), "add_tags", #"["x"]"#, key: "k")
        let second = try await bulk(ground, named([lead]), "add_tags", #"["x"]"#, key: "k")
        #expect(first.body == second.body && first.number("changed") == 1)
        #expect(try await bulk(ground, named([lead]), "unsubscribe", role: .viewer).status == 403)
        #expect(try await bulk(ground, named([lead]), "unsubscribe", workspaces: [ground.other]).status == 404)
        #expect(ground.suppressions.all.isEmpty)
    }

    @Test(
        "what cannot be understood is a 400",
        arguments: [
            (#""filter":{},"leads":[]"#, "unsubscribe", nil), (#""leads":[]"#, "unsubscribe", nil), (#""filter":{"q":"-"}"#, "unsubscribe", nil),
            (#""filter":{}"#, "explode", nil), (#""filter":{}"#, "add_tags", nil), (#""filter":{}"#, "add_tags", "[]"),
            (#""filter":{}"#, "add_to_list", "\"x\""), (#""filter":{}"#, "set_field", "\"company\""),
            (#""filter":{"status":"x"}"#, "unsubscribe", nil),
        ] as [(String, String, String?)])
    func refused(selection: String, action: String, value: String?) async throws {
        let ground = try await LeadGround.make()
        #expect(try await bulk(ground, selection, action, value).status == 400)
    }
}
