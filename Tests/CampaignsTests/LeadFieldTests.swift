import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Campaigns

@Suite("A company's own fields")
struct LeadFieldTests {
    private static let path = "/api/v1/leads/fields"

    private static func field(_ kind: CustomFieldKind, _ choices: [String] = []) -> CustomField {
        CustomField(id: CustomFieldID(UUID()), key: "f", name: "F", kind: kind, choices: choices, createdAt: Date(timeIntervalSince1970: 0))
    }

    @Test(
        "a field takes what it is for",
        arguments: [
            (CustomFieldKind.text, CustomValue.text("anything")), (.text, .text("")), (.number, .number(-1.5)), (.boolean, .boolean(false)),
            (.date, .text("2024-02-29")), (.date, .text("2000-02-29")), (.date, .text("0001-12-31")), (.choice, .text("M")),
        ])
    func accepted(kind: CustomFieldKind, value: CustomValue) {
        #expect(Self.field(kind, ["S", "M"]).accepts(value) == .accepted)
    }

    @Test(
        "and nothing else",
        arguments: [
            (CustomFieldKind.text, CustomValue.number(1)), (.text, .text(String(repeating: "x", count: 1_001))), (.number, .text("1")),
            (.number, .number(.infinity)), (.boolean, .text("true")), (.boolean, .number(1)), (.date, .text("2023-02-29")),
            (.date, .text("1900-02-29")),
            (.date, .text("2024-13-01")), (.date, .text("2024-1-01")), (.date, .text("0000-01-01")), (.date, .text("2024-04-31")),
            (.date, .text("2024-01-01T00:00")), (.date, .text("+024-01-01")), (.date, .number(20_240_101)), (.choice, .text("m")),
            (.choice, .boolean(true)),
        ])
    func refused(kind: CustomFieldKind, value: CustomValue) {
        #expect(Self.field(kind, ["S", "M"]).accepts(value) != .accepted)
    }

    @Test(
        "keys are words that no lead has anyway",
        arguments: [
            ("shoe_size", true), ("a", true), ("a1", true), (String(repeating: "a", count: 64), true), (String(repeating: "a", count: 65), false),
            ("", false), ("1a", false), ("_a", false), ("Shoe", false), ("shoe-size", false), ("größe", false), ("email", false), ("tags", false),
        ])
    func keys(key: String, isKey: Bool) {
        #expect(CustomField.isKey(key) == isKey)
    }

    @Test("made, read, changed and removed; the values of leads stay")
    func lifecycle() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.send(.post, Self.path, #"{"key":"size","name":"Size","kind":"choice","choices":["S","M"]}"#)
        #expect(made.status == 201 && made.tag == "\"1\"", "\(made.body)")
        let one = "\(Self.path)/\(made.text("id"))"
        let lead = try await ground.create("a@x.org", #""custom":{"size":"M"}"#)
        #expect(lead.status == 201)
        #expect(try await ground.send(.patch, one, #"{"name":"T"}"#).status == 428)
        let changed = try await ground.send(.patch, one, #"{"name":"T-shirt","choices":["S","L"]}"#, match: made.tag)
        #expect(changed.texts("choices") == ["S", "L"] && changed.tag == "\"2\"")
        #expect(try await ground.send(.patch, one, #"{"name":"T"}"#, match: made.tag).status == 412)
        #expect(try await ground.send(.patch, one, #"{"kind":"text"}"#, match: "*").kind == "field_is_fixed")
        #expect(try await ground.send(.patch, one, #"{"key":"other"}"#, match: "*").kind == "field_is_fixed")
        #expect(try await ground.send(.get, Self.path, role: .viewer).data("key") == ["size"])
        #expect(try await ground.send(.get, one, tenant: TenantID(UUID())).status == 404)
        #expect(try await ground.send(.delete, one, role: .member, match: "*").status == 403)
        #expect(try await ground.send(.delete, one, match: changed.tag).status == 204)
        #expect(try await ground.send(.get, one).status == 404)
        let kept = try await ground.send(.get, "/api/v1/leads/\(lead.text("id"))")
        #expect((kept.member("custom") as? [String: String]) == ["size": "M"])
        let actions = try await ground.audits().map(\.action).filter { $0.hasPrefix("custom_field") }
        #expect(actions == ["custom_field.create", "custom_field.update", "custom_field.delete"])
    }

    @Test("a field that a segment or the steps of a campaign ask for stays until they do not")
    func inUse() async throws {
        let ground = try await LeadGround.make()
        let made = try await ground.send(.post, Self.path, #"{"key":"size","name":"Size","kind":"text"}"#)
        let one = "\(Self.path)/\(made.text("id"))"
        let condition = #"{"field":"custom.size","operator":"is_set"}"#
        let segment = try await ground.send(
            .post, "/api/v1/segments", #"{"workspace":"\#(ground.workspace)","name":"S","filter":{"all":[{"not":\#(condition)}]}}"#)
        #expect(segment.status == 201, "\(segment.body)")
        #expect(try await ground.send(.delete, one, match: "*").kind == "field_in_use")
        #expect(try await ground.send(.delete, "/api/v1/segments/\(segment.text("id"))", match: "*").status == 204)
        let campaign = UUID()
        try await ground.worker.query(
            """
            insert into campaigns (tenant_id, id, workspace_id, name, status, created_at)
            values (\(ground.tenant), \(campaign), \(ground.workspace), 'C', 'paused', \(ground.now))
            """)
        let steps = PostgresJSON(text: #"[{"number":1,"kind":"condition","condition":{"kind":"attribute","filter":\#(condition)}}]"#)
        try await ground.worker.query(
            """
            insert into campaign_sequences (tenant_id, campaign_id, version, steps, created_at)
            values (\(ground.tenant), \(campaign), 1, \(steps), \(ground.now))
            """)
        #expect(try await ground.send(.delete, one, match: "*").status == 409)
        try await ground.worker.query("update campaigns set status = 'archived' where tenant_id = \(ground.tenant)")
        #expect(try await ground.send(.delete, one, match: "*").status == 204)
    }

    @Test("a key once, a hundred fields, and only admins make them")
    func limits() async throws {
        let ground = try await LeadGround.make()
        for number in 0..<CustomFields.most {
            #expect(try await ground.send(.post, Self.path, #"{"key":"f\#(number)","name":"F","kind":"text"}"#).status == 201)
        }
        #expect(try await ground.send(.post, Self.path, #"{"key":"f1","name":"F","kind":"text"}"#).kind == "field_exists")
        #expect(try await ground.send(.post, Self.path, #"{"key":"more","name":"F","kind":"text"}"#).kind == "field_limit_reached")
        #expect(try await ground.send(.post, Self.path, #"{"key":"more","name":"F","kind":"text"}"#, role: .member).status == 403)
        let other = TenantID(UUID())
        #expect(try await ground.send(.post, Self.path, #"{"key":"f1","name":"F","kind":"text"}"#, tenant: other).status == 201)
        for body in [
            #"{"key":"email","name":"F","kind":"text"}"#, #"{"key":"a","name":"","kind":"text"}"#, #"{"key":"a","name":"F","kind":"colour"}"#,
            #"{"key":"a","name":"F","kind":"choice"}"#, #"{"key":"a","name":"F","kind":"choice","choices":["x","x"]}"#,
            #"{"key":"a","name":"F","kind":"text","choices":["x"]}"#,
        ] {
            #expect(try await ground.send(.post, Self.path, body, tenant: other).status == 400, "\(body)")
        }
    }
}
