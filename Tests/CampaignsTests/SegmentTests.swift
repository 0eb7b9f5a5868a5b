import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

extension CampaignsFixture {
    /// A request that names a version, and what came with the answer.
    func versioned(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, ifMatch: String? = "*", role: Role = .owner,
        workspaces: [WorkspaceID]? = nil
    ) async throws -> (answer: Answer, tag: String?) {
        var headers = try await house.identityHeader(tenant: tenant, role: role, workspaces: workspaces)
        headers[.contentType] = "application/json"
        headers[.ifMatch] = ifMatch
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                (Answer(status: $0.status.code, body: String(buffer: $0.body)), $0.headers[.eTag])
            }
        }
    }

    /// `count` leads of the workspace (the fixture's own unless told), named in their order.
    func insertLeads(_ count: Int, prefix: String = "lead", of tenant: TenantID? = nil, in workspace: WorkspaceID? = nil) async throws -> [LeadID] {
        let (tenant, workspace) = (tenant ?? self.tenant, workspace ?? peers.workspace)
        let now = house.clock.clock.now
        let leads = (0..<count).map { _ in LeadID(.v7(at: now)) }.sorted { $0.description < $1.description }
        let emails = (0..<count).map { "\(prefix)\($0)@x.org" }
        try await house.house.worker.transaction { transaction in
            try await transaction.pipeline([
                """
                insert into leads (tenant_id, id, email, company, created_at, updated_at)
                select \(tenant), id, email, 'Ice', \(now), \(now) from unnest(\(leads), \(emails)) as n (id, email)
                """,
                "insert into lead_workspaces (tenant_id, workspace_id, lead_id) select \(tenant), \(workspace), unnest(\(leads))",
            ])
        }
        return leads
    }

    /// A campaign that writes to a list or a segment.
    func insertCampaign(_ kind: String, _ audience: String, status: String) async throws {
        try await house.house.worker.query(
            """
            insert into campaigns (tenant_id, id, workspace_id, name, status, audience_kind, audience_id, created_at)
            values (\(tenant), \(UUID()), \(peers.workspace), 'C', \(status), \(kind), \(UUID(text: audience)), \(house.clock.clock.now))
            """)
    }

    func insertField(_ key: String, _ kind: String) async throws {
        try await house.house.worker.query(
            """
            insert into custom_fields (tenant_id, id, key, name, kind, created_at)
            values (\(tenant), \(UUID()), \(key), \(key), \(kind), \(house.clock.clock.now))
            """)
    }

    static func segmentBody(_ workspace: WorkspaceID, _ name: String, _ filter: String) -> String {
        #"{"workspace":"\#(workspace)","name":"\#(name)","filter":\#(filter)}"#
    }
}

@Suite("Segments")
struct SegmentTests {
    private static let ice = #"{"field":"company","operator":"equals","value":"ice"}"#

    @Test("a segment is made, read, listed, changed and deleted, and nobody overwrites a change unseen")
    func life() async throws {
        let fixture = try await CampaignsFixture.make()
        let made = try await fixture.versioned(.post, "/api/v1/segments", CampaignsFixture.segmentBody(fixture.peers.workspace, " Ice ", Self.ice))
        #expect(made.answer.status == 201 && made.answer.text("name") == "Ice" && made.tag == "\"1\"", "\(made.answer.body)")
        let path = "/api/v1/segments/\(made.answer.text("id"))"
        let read = try await fixture.versioned(.get, path)
        #expect(read.answer.body == made.answer.body && read.tag == "\"1\"")
        #expect(read.answer.body.contains(#""filter":{"field":"company","operator":"equals","value":"ice"}"#))
        let change = #"{"name":"Snow","filter":{"not":{"field":"company","operator":"is_set"}}}"#
        #expect(try await fixture.versioned(.put, path, change, ifMatch: nil).answer.status == 428)
        let changed = try await fixture.versioned(.put, path, change, ifMatch: "\"1\"")
        #expect(changed.answer.status == 200 && changed.tag == "\"2\"" && changed.answer.text("name") == "Snow")
        #expect(try await fixture.versioned(.put, path, change, ifMatch: "\"1\"").answer.status == 412)
        #expect(try await fixture.versioned(.put, path, change, ifMatch: "\"2\"").tag == "\"2\"", "the same again is no change")
        let list = try await fixture.versioned(.get, "/api/v1/segments?workspace=\(fixture.peers.workspace)")
        #expect(list.answer.body.contains("Snow"))
        #expect(try await fixture.versioned(.delete, path, ifMatch: "\"1\"").answer.status == 412)
        #expect(try await fixture.versioned(.delete, path, ifMatch: "\"2\"").answer.status == 204)
        #expect(try await fixture.versioned(.get, path).answer.status == 404)
        let actions: [String] = try await fixture.house.house.worker.query(
            "select body::jsonb #>> '{header,audit,action}' as action from outbox where tenant_id = \(fixture.tenant) order by 1"
        ).map { try $0.decode("action") }
        #expect(actions == ["segment.create", "segment.delete", "segment.update"])
    }

    @Test("a name stands once in a workspace, also after a change")
    func names() async throws {
        let fixture = try await CampaignsFixture.make()
        func make(_ name: String, in workspace: WorkspaceID) async throws -> CampaignsFixture.Answer {
            try await fixture.send(.post, "/api/v1/segments", CampaignsFixture.segmentBody(workspace, name, Self.ice))
        }
        #expect(try await make("One", in: fixture.peers.workspace).status == 201)
        let second = try await make("Two", in: fixture.peers.workspace)
        let taken = try await make("One", in: fixture.peers.workspace)
        #expect(taken.status == 409 && taken.body.contains("name_taken"))
        #expect(try await make("One", in: WorkspaceID(UUID())).status == 201)
        let renamed = try await fixture.versioned(.put, "/api/v1/segments/\(second.text("id"))", #"{"name":"One","filter":\#(Self.ice)}"#)
        #expect(renamed.answer.status == 409 && renamed.answer.body.contains("name_taken"))
        for name in ["", "   ", String(repeating: "x", count: 101)] { #expect(try await make(name, in: fixture.peers.workspace).status == 400) }
    }

    @Test("a filter that cannot be used is refused with its place, also inside a preview")
    func invalid() async throws {
        let fixture = try await CampaignsFixture.make()
        let filter = #"{"all":[\#(Self.ice),{"any":[{"field":"custom.size","operator":"greater_than","value":"10"}]}]}"#
        let body = CampaignsFixture.segmentBody(fixture.peers.workspace, "S", filter)
        var answer = try await fixture.send(.post, "/api/v1/segments", body)
        #expect(answer.status == 422 && answer.body.contains("segment_invalid") && answer.text("path") == "all.1.any.0.field", "\(answer.body)")
        try await fixture.insertField("size", "number")
        for path in ["/api/v1/segments", "/api/v1/segments/preview"] {
            answer = try await fixture.send(.post, path, body)
            #expect(answer.status == 422 && answer.text("path") == "all.1.any.0.value", "\(answer.body)")
        }
        answer = try await fixture.send(.post, "/api/v1/segments", CampaignsFixture.segmentBody(fixture.peers.workspace, "S", "[]"))
        #expect(answer.status == 422 && answer.text("path").isEmpty)
        let deep = String(repeating: #"{"not":"#, count: 70) + Self.ice + String(repeating: "}", count: 70)
        #expect(try await fixture.send(.post, "/api/v1/segments", CampaignsFixture.segmentBody(fixture.peers.workspace, "S", deep)).status == 400)
        let huge = String(repeating: "x", count: 300_000)
        #expect(try await fixture.send(.post, "/api/v1/segments", huge).status == 413)
    }

    @Test("preview, count and leads tell the same, page by page, and only of the workspace")
    func asking() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(7)
        _ = try await fixture.insertLeads(3, prefix: "elsewhere", in: WorkspaceID(UUID()))
        _ = try await fixture.insertLeads(4, of: TenantID(UUID()))
        let preview = try await fixture.send(
            .post, "/api/v1/segments/preview", #"{"workspace":"\#(fixture.peers.workspace)","filter":\#(Self.ice)}"#, role: .viewer)
        #expect(preview.status == 200 && preview.number("count") == 7 && preview.body.contains(#""is_capped":false"#), "\(preview.body)")
        #expect((preview.member("sample") as? [Any])?.count == 5)
        let made = try await fixture.send(.post, "/api/v1/segments", CampaignsFixture.segmentBody(fixture.peers.workspace, "Ice", Self.ice))
        let path = "/api/v1/segments/\(made.text("id"))"
        #expect(try await fixture.send(.get, "\(path)/count").body == #"{"count":7,"is_capped":false}"#)
        var (found, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try await fixture.send(.get, "\(path)/leads?limit=3" + (cursor.map { "&cursor=\($0)" } ?? ""))
            found += (page.member("data") as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            cursor = (page.member("page") as? [String: Any])?["next"] as? String
        } while cursor != nil
        #expect(found == leads.map(\.description))
    }

    @Test("counting stops at ten thousand and says so")
    func cap() async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.insertLeads(10_003)
        let preview = try await fixture.send(
            .post, "/api/v1/segments/preview", #"{"workspace":"\#(fixture.peers.workspace)","filter":\#(Self.ice)}"#)
        #expect(preview.number("count") == 10_000 && preview.body.contains(#""is_capped":true"#))
    }

    @Test("what takes too long is ended, and the answer says what to do")
    func tooSlow() async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.insertLeads(1)
        // Whoever waits for this lock waits until the count's own time is over.
        let answer = try await fixture.house.house.worker.transaction { transaction in
            try await transaction.query("lock table leads in access exclusive mode")
            return try await fixture.send(
                .post, "/api/v1/segments/preview", #"{"workspace":"\#(fixture.peers.workspace)","filter":\#(Self.ice)}"#)
        }
        #expect(answer.status == 422 && answer.body.contains("segment_too_slow"), "\(answer.body)")
    }

    @Test("a segment that a campaign writes to stays until the campaign is over")
    func inUse() async throws {
        let fixture = try await CampaignsFixture.make()
        let made = try await fixture.send(.post, "/api/v1/segments", CampaignsFixture.segmentBody(fixture.peers.workspace, "Ice", Self.ice))
        let path = "/api/v1/segments/\(made.text("id"))"
        try await fixture.insertCampaign("segment", made.text("id"), status: "paused")
        let refused = try await fixture.versioned(.delete, path)
        #expect(refused.answer.status == 409 && refused.answer.body.contains("segment_in_use"))
        try await fixture.house.house.worker.query("update campaigns set status = 'archived' where tenant_id = \(fixture.tenant)")
        #expect(try await fixture.versioned(.delete, path).answer.status == 204)
    }

    @Test("strangers, viewers and people of other workspaces find or change nothing")
    func access() async throws {
        let fixture = try await CampaignsFixture.make()
        let body = CampaignsFixture.segmentBody(fixture.peers.workspace, "Ice", Self.ice)
        let made = try await fixture.send(.post, "/api/v1/segments", body)
        let path = "/api/v1/segments/\(made.text("id"))"
        for route in [path, "\(path)/count", "\(path)/leads"] {
            #expect(try await fixture.send(.get, route, tenant: TenantID(UUID())).status == 404)
            #expect(try await fixture.versioned(.get, route, workspaces: [WorkspaceID(UUID())]).answer.status == 404)
            #expect(try await fixture.send(.get, route, role: .viewer).status == 200)
        }
        #expect(try await fixture.send(.get, "/api/v1/segments", tenant: TenantID(UUID())).body.contains(#""data":[]"#))
        #expect(try await fixture.versioned(.get, "/api/v1/segments", workspaces: [WorkspaceID(UUID())]).answer.body.contains(#""data":[]"#))
        #expect(try await fixture.send(.post, "/api/v1/segments", body, role: .viewer).status == 403)
        let change = #"{"name":"Mine","filter":\#(Self.ice)}"#
        #expect(try await fixture.versioned(.put, path, change, role: .viewer).answer.status == 403)
        #expect(try await fixture.versioned(.put, path, change, workspaces: [WorkspaceID(UUID())]).answer.status == 404)
        #expect(try await fixture.versioned(.delete, path, workspaces: [WorkspaceID(UUID())]).answer.status == 404)
        #expect(try await fixture.send(.get, path).text("name") == "Ice")
    }

    // MARK: - Audiences

    @Test("an audience is resolved when it is asked: in pages, for some leads, and counted")
    func audiences() async throws {
        let fixture = try await CampaignsFixture.make()
        let leads = try await fixture.insertLeads(5)
        let foreign = try await fixture.insertLeads(2, prefix: "foreign", in: WorkspaceID(UUID()))
        let segment = try await fixture.send(.post, "/api/v1/segments", CampaignsFixture.segmentBody(fixture.peers.workspace, "Ice", Self.ice))
        let list = try await fixture.send(.post, "/api/v1/lists", #"{"workspace":"\#(fixture.peers.workspace)","name":"L"}"#)
        let members = leads.prefix(3).map { "\"\($0)\"" }.joined(separator: ",")
        _ = try await fixture.send(.post, "/api/v1/lists/\(list.text("id"))/leads", #"{"leads":[\#(members)]}"#)
        let audiences: [(Audience, [LeadID])] = [
            (.workspace, leads), (.segment(SegmentID(segment.text("id"))!), leads), (.list(ListID(list.text("id"))!), Array(leads.prefix(3))),
        ]
        let resolver = AudienceResolver()
        for (audience, expected) in audiences {
            try await fixture.house.house.worker.transaction { transaction in
                let (tenant, workspace, now) = (fixture.tenant, fixture.peers.workspace, fixture.house.clock.clock.now)
                let first = try await resolver.leads(
                    of: audience, tenant: tenant, workspace: workspace, after: nil, limit: 2, now: now, in: transaction)
                let rest = try await resolver.leads(
                    of: audience, tenant: tenant, workspace: workspace, after: first.last, limit: 100, now: now, in: transaction)
                #expect(first.count == 2 && first + rest == expected, "\(audience)")
                let asked = [leads[0], leads[4]] + foreign
                let matching = try await resolver.stillMatching(asked, of: audience, tenant: tenant, workspace: workspace, now: now, in: transaction)
                #expect(matching == Set(asked).intersection(expected), "\(audience)")
                let count = try await resolver.count(upTo: 3, of: audience, tenant: tenant, workspace: workspace, now: now, in: transaction)
                #expect(count == 3)
            }
        }
        // What changes meanwhile counts at once.
        try await fixture.house.house.worker.query("update leads set company = 'Snow' where tenant_id = \(fixture.tenant) and id = \(leads[0])")
        let matching = try await fixture.house.house.worker.transaction { transaction in
            try await resolver.stillMatching(
                leads, of: audiences[1].0, tenant: fixture.tenant, workspace: fixture.peers.workspace, now: fixture.house.clock.clock.now,
                in: transaction)
        }
        #expect(matching == Set(leads.dropFirst()))
    }

    @Test("an audience that is gone, of another workspace or no longer askable is an error, never everybody")
    func gone() async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.insertLeads(1)
        try await fixture.insertField("size", "number")
        let filter = #"{"field":"custom.size","operator":"not_equals","value":1}"#
        let made = try await fixture.send(.post, "/api/v1/segments", CampaignsFixture.segmentBody(fixture.peers.workspace, "S", filter))
        let segment = Audience.segment(SegmentID(made.text("id"))!)
        func count(_ audience: Audience, in workspace: WorkspaceID) async throws -> Int {
            try await fixture.house.house.worker.transaction { transaction in
                try await AudienceResolver().count(
                    upTo: 9, of: audience, tenant: fixture.tenant, workspace: workspace, now: fixture.house.clock.clock.now, in: transaction)
            }
        }
        #expect(try await count(segment, in: fixture.peers.workspace) == 1)
        await #expect(throws: AudienceError.segmentGone) { try await count(segment, in: WorkspaceID(UUID())) }
        await #expect(throws: AudienceError.segmentGone) { try await count(.segment(SegmentID(UUID())), in: fixture.peers.workspace) }
        await #expect(throws: AudienceError.listGone) { try await count(.list(ListID(UUID())), in: fixture.peers.workspace) }
        try await fixture.house.house.worker.query("delete from custom_fields where tenant_id = \(fixture.tenant)")
        let error = await #expect(throws: AudienceError.self) { try await count(segment, in: fixture.peers.workspace) }
        guard case .segmentInvalid(let fault)? = error else { throw Unexpected() }
        #expect(fault.path == "field")
        let answer = try await fixture.send(.get, "/api/v1/segments/\(made.text("id"))/count")
        #expect(answer.status == 422 && answer.body.contains("segment_invalid"))
    }
}
