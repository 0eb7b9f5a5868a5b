import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("The list of suppressions")
struct SuppressionRouteTests {
    private static let path = "/api/v1/suppressions"

    private struct Listed: Decodable {
        let data: [SuppressionView]
        let page: Links
        struct Links: Decodable { let next: String? }
    }

    private func list(_ fixture: DeliveryFixture, _ query: String = "", in workspaces: [WorkspaceID]? = nil) async throws -> Listed {
        let answer = try await fixture.ask(.get, Self.path + query, as: .viewer, in: workspaces)
        #expect(answer.status == 200, "\(answer.body)")
        return try WireJSON.decoder().decode(Listed.self, from: Data(answer.body.utf8))
    }

    @Test("one is added, many are added, and the list pages through them, newest first, by reason, kind and exact address")
    func lists() async throws {
        let fixture = try await DeliveryFixture.make()
        let one = try await fixture.ask(
            .post, Self.path, #"{"address":"Ada@X.example","note":"asked by phone","reason":"unsubscribed"}"#, as: .member)
        #expect(one.status == 201 && one.body.contains(#""added":1"#), "\(one.body)")
        fixture.house.clock.advance(by: .milliseconds(5))
        let entries = (0..<120).map { #"{"address":"l\#($0)@y.example"}"# }.joined(separator: ",")
        #expect(try await fixture.ask(.post, Self.path, #"{"entries":[{"address":"@z.example"},\#(entries)]}"#).status == 201)
        #expect(try await fixture.ask(.post, Self.path, #"{"entries":[{"address":"@z.example"},\#(entries)]}"#).body.contains(#""known":121"#))
        var found: [SuppressionView] = []
        var cursor: String?
        repeat {
            let page = try await list(fixture, "?limit=50" + (cursor.map { "&cursor=\($0)" } ?? ""))
            found += page.data
            cursor = page.page.next
        } while cursor != nil
        #expect(found.count == 122 && Set(found.map(\.id)).count == 122)
        #expect(found.last?.address == "ada@x.example" && found.last?.note == "asked by phone")
        #expect(try await list(fixture, "?reason=unsubscribed").data.map(\.address) == ["ada@x.example"])
        #expect(try await list(fixture, "?kind=domain").data.map(\.address) == ["@z.example"])
        #expect(try await list(fixture, "?address=l7@Y.example").data.map(\.address) == ["l7@y.example"])
        #expect(try await list(fixture, "?address=who@z.example").data.map(\.address) == ["@z.example"])
        let view = try #require(found.last)
        #expect(view.scope == "tenant" && view.createdBy?.hasPrefix("user:") == true)
        #expect(try await fixture.ask(.get, "\(Self.path)/\(view.id)").status == 200)
        #expect(try await fixture.ask(.get, "\(Self.path)/\(view.id)", tenant: TenantID(UUID())).status == 404)
        let trail = try await fixture.told("delivery.suppressions.changed")
        #expect(trail.count == 2 && trail.allSatisfy { $0.contains("suppression.add") && !$0.contains("ada@x.example") }, "\(trail)")
    }

    @Test(
        "what is no entry is refused with its field",
        arguments: [
            (#"{}"#, "address"), (#"{"address":"nobody"}"#, "address"), (#"{"address":"@nowhere"}"#, "address"),
            (#"{"address":"a@x.example","entries":[]}"#, "address"), (#"{"entries":[]}"#, "entries"),
            (#"{"entries":[{"address":"a@x.example","reason":"because"}]}"#, "entries[0].reason"),
            (#"{"address":"a@x.example","expires_at":"2001-01-01T00:00:00.000Z"}"#, "expires_at"),
            (#"{"address":"a@x.example","expires_at":"12026-01-01T00:00:00Z"}"#, "expires_at"),
        ])
    func refused(body: String, field: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let answer = try await fixture.ask(.post, Self.path, body)
        #expect(answer.status == 400 && answer.body.contains(#""field":"\#(field)""#), "\(answer.body)")
        #expect(try await fixture.number("select count(*) as n from suppressions") == 0)
        // What cannot be read again would make the list an error for good.
        #expect(try await fixture.ask(.get, "\(Self.path)?ended=true").status == 200)
    }

    @Test(
        "a filter that the list does not know is refused, not passed over",
        arguments: [("ended=maybe", "ended"), ("ended=1", "ended"), ("reason=because", "reason"), ("reason=", "reason"), ("kind=person", "kind")])
    func unknownFilters(query: String, field: String) async throws {
        let fixture = try await DeliveryFixture.make()
        for path in [Self.path, "\(Self.path)/export"] {
            let answer = try await fixture.ask(.get, "\(path)?\(query)")
            #expect(answer.status == 400 && answer.body.contains(#""field":"\#(field)""#), "\(answer.body)")
        }
        #expect(try await fixture.ask(.get, "\(Self.path)?ended=false&reason=legal&kind=domain").status == 200)
        #expect(try await fixture.told("delivery.suppressions.exported").isEmpty)
    }

    @Test("who is limited to workspaces sees theirs and the company's, and changes theirs alone; viewers change nothing")
    func limited() async throws {
        let fixture = try await DeliveryFixture.make()
        let other = WorkspaceID(UUID())
        for body in [
            #"{"address":"company@x.example"}"#, #"{"address":"mine@x.example","workspace":"\#(fixture.workspace)"}"#,
            #"{"address":"other@x.example","workspace":"\#(other)"}"#,
        ] {
            #expect(try await fixture.ask(.post, Self.path, body).status == 201)
        }
        let mine = [fixture.workspace]
        let seen = try await list(fixture, in: mine).data
        #expect(Set(seen.compactMap(\.address)) == ["company@x.example", "mine@x.example"])
        #expect(try await fixture.ask(.get, "\(Self.path)?workspace=\(other)", in: mine).status == 404)
        #expect(try await fixture.ask(.post, Self.path, #"{"address":"a@x.example"}"#, as: .member, in: mine).status == 403)
        #expect(try await fixture.ask(.post, Self.path, #"{"address":"a@x.example","workspace":"\#(other)"}"#, as: .member, in: mine).status == 404)
        #expect(try await fixture.ask(.post, Self.path, #"{"address":"a@x.example"}"#, as: .viewer).status == 403)
        let company = try #require(seen.first { $0.scope == "tenant" })
        #expect(try await fixture.ask(.delete, "\(Self.path)/\(company.id)", as: .admin, in: mine).status == 403)
        let own = try #require(seen.first { $0.scope == "workspace" })
        #expect(try await fixture.ask(.delete, "\(Self.path)/\(own.id)", as: .member, in: mine).status == 204)
        #expect(try await fixture.ask(.delete, "\(Self.path)/\(own.id)", as: .member, in: mine).status == 404)
    }

    @Test(
        "what a person asked for is lifted by an admin with a reason, which the trail keeps; nothing else is",
        arguments: ["unsubscribed", "complaint"])
    func lifting(reason: String) async throws {
        let fixture = try await DeliveryFixture.make()
        #expect(try await fixture.ask(.post, Self.path, #"{"address":"ada@x.example","reason":"\#(reason)"}"#).status == 201)
        let entry = try #require(try await list(fixture).data.first)
        let path = "\(Self.path)/\(entry.id)"
        #expect(try await fixture.ask(.delete, path, #"{"reason":"she called"}"#, as: .member).status == 403)
        let bare = try await fixture.ask(.delete, path, as: .admin)
        #expect(bare.status == 422 && bare.body.contains("reason_required"), "\(bare.body)")
        #expect(try await fixture.ask(.delete, path, #"{"reason":"  "}"#, as: .owner).status == 422)
        #expect(try await fixture.ask(.delete, path, #"{"reason":"she called"}"#, as: .admin).status == 204)
        #expect(try await fixture.suppressed(["ada@x.example"]) == [])
        let trail = try await fixture.told("delivery.suppressions.changed")
        #expect(trail.contains { $0.contains("suppression.lift") && $0.contains("she called") })
    }

    @Test("a check says who is blocked, by which scope and why; of the platform's list no more than that")
    func check() async throws {
        let fixture = try await DeliveryFixture.make()
        let elsewhere = WorkspaceID(UUID())
        for body in [
            #"{"address":"ada@x.example","reason":"complaint"}"#, #"{"address":"@dom.example","workspace":"\#(elsewhere)"}"#,
        ] {
            #expect(try await fixture.ask(.post, Self.path, body).status == 201)
        }
        let secret = #"{"entries":[{"address":"bad@p.example","reason":"legal","note":"court order"}]}"#
        #expect(try await fixture.ask(.post, "/api/v1/platform/system/suppressions", secret, staff: .ops).status == 201)
        try await fixture.erase("gone@x.example", isOptedOut: true)
        let asked = #"{"addresses":["ADA@x.example","me@dom.example","bad@p.example","gone@x.example","free@x.example"]}"#
        let answer = try await fixture.ask(.post, "\(Self.path)/check", asked, as: .viewer)
        struct Verdicts: Decodable {
            struct Verdict: Decodable {
                struct Block: Decodable {
                    let scope: String
                    let reason: String?
                    let kind: String?
                }
                let address: String
                let isBlocked: Bool
                let blocks: [Block]
            }
            let data: [Verdict]
        }
        let verdicts = try WireJSON.decoder().decode(Verdicts.self, from: Data(answer.body.utf8)).data
        #expect(verdicts.map(\.address) == ["ADA@x.example", "me@dom.example", "bad@p.example", "gone@x.example", "free@x.example"])
        #expect(verdicts.map(\.isBlocked) == [true, true, true, true, false])
        #expect(verdicts.map { $0.blocks.first?.scope } == ["tenant", "workspace", "platform", "tenant", nil])
        #expect(verdicts.map { $0.blocks.first?.reason } == ["complaint", "manual", nil, "unsubscribed", nil])
        #expect(verdicts.map { $0.blocks.first?.kind } == ["address", "domain", nil, "erased", nil])
        #expect(!answer.body.contains("court"))
        // In one workspace another's entries are not there.
        let here = try await fixture.ask(
            .post, "\(Self.path)/check", #"{"addresses":["me@dom.example"],"workspace":"\#(fixture.workspace)"}"#, as: .viewer)
        #expect(here.body.contains(#""is_blocked":false"#), "\(here.body)")
        let many = (0..<501).map { #""l\#($0)@x.example""# }.joined(separator: ",")
        #expect(try await fixture.ask(.post, "\(Self.path)/check", #"{"addresses":[\#(many)]}"#).status == 400)
    }

    @Test("the platform's list is its staff's: nobody else reads or changes it, and lifting needs a reason")
    func platform() async throws {
        let fixture = try await DeliveryFixture.make()
        let path = "/api/v1/platform/system/suppressions"
        let body = #"{"entries":[{"address":"@spam.example","reason":"legal"},{"address":"x@y.example"}]}"#
        #expect(try await fixture.ask(.get, path).status == 403)
        #expect(try await fixture.ask(.post, path, body, as: .owner).status == 403)
        #expect(try await fixture.ask(.post, path, body, staff: .support).status == 403)
        #expect(try await fixture.ask(.post, path, body, staff: .ops).status == 201)
        #expect(try await fixture.ask(.post, path, body, staff: .ops).status == 200)
        let found = try await fixture.ask(.get, "\(path)?address=who@spam.example", staff: .support)
        let id = try #require(found.body.firstMatch(of: /"id":"([0-9a-f-]{36})"/)?.1)
        #expect(try await fixture.ask(.delete, "\(path)/\(id)", #"{"reason":""}"#, staff: .ops).status == 400)
        #expect(try await fixture.ask(.delete, "\(path)/\(id)", #"{"reason":"settled"}"#, staff: .ops).status == 204)
        #expect(try await fixture.suppressed(["who@spam.example", "x@y.example"]) == ["x@y.example"])
        #expect(try await fixture.told("delivery.suppressions.changed").count == 3)
        #expect(try await list(fixture).data.isEmpty)
    }

    @Test("why an entry is lifted may stand in the path's parameters, since a DELETE may lose its body on the way")
    func reasonAsParameter() async throws {
        let fixture = try await DeliveryFixture.make()
        let path = "/api/v1/platform/system/suppressions"
        #expect(try await fixture.ask(.post, path, #"{"entries":[{"address":"x@y.example"}]}"#, staff: .ops).status == 201)
        let id = try #require(try await fixture.ask(.get, path, staff: .ops).body.firstMatch(of: /"id":"([0-9a-f-]{36})"/)?.1)
        for none in ["", "?reason=", "?reason=%20", "?reason=\(String(repeating: "a", count: 501))"] {
            #expect(try await fixture.ask(.delete, "\(path)/\(id)\(none)", staff: .ops).status == 400)
        }
        #expect(try await fixture.ask(.delete, "\(path)/\(id)?reason=settled%20by%20phone", staff: .ops).status == 204)
        #expect(try await fixture.ask(.post, Self.path, #"{"address":"ada@x.example","reason":"complaint"}"#).status == 201)
        let own = try #require(try await list(fixture).data.first)
        #expect(try await fixture.ask(.delete, "\(Self.path)/\(own.id)").status == 422)
        #expect(try await fixture.ask(.delete, "\(Self.path)/\(own.id)?reason=she%20called").status == 204)
        let trail = try await fixture.told("delivery.suppressions.changed")
        #expect(trail.contains { $0.contains("settled by phone") } && trail.contains { $0.contains("she called") }, "\(trail)")
    }

    @Test("the list as a file is for members and for keys, and each time leaves an entry in the trail that says what of it was taken")
    func exportLeavesAnEntry() async throws {
        let fixture = try await DeliveryFixture.make()
        let path = "\(Self.path)/export"
        #expect(try await fixture.ask(.get, path, as: .viewer).status == 403)
        #expect(try await fixture.told("delivery.suppressions.exported").isEmpty)
        #expect(try await fixture.ask(.get, path, as: .member).status == 200)
        let key = UUID()
        let query = "?workspace=\(fixture.workspace)&reason=legal&kind=domain&ended=true"
        #expect(try await fixture.ask(.get, path + query, as: .member, apiKey: key).status == 200)
        let told = try await fixture.told("delivery.suppressions.exported")
        #expect(told.count == 2 && told.allSatisfy { $0.contains(#""action":"suppression.export""#) }, "\(told)")
        let last = try #require(told.first { $0.contains(key.text) }, "\(told)")
        #expect(last.contains(#""reason":"legal""#) && last.contains(fixture.workspace.description), "\(last)")
    }

    @Test("whoever is put on the list by hand ends the enrolments that wrote to them")
    func enrolments() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let enrolment = EnrolmentID(UUID())
        try await fixture.plan(one: "ada@x.example", mailbox) { $0.enrolment = enrolment }
        #expect(try await fixture.ask(.post, Self.path, #"{"address":"ada@x.example"}"#).status == 201)
        let told = try await fixture.told("delivery.recipients.suppressed")
        #expect(told.count == 1 && told[0].contains(enrolment.description) && told[0].contains("manual"), "\(told)")
    }
}
