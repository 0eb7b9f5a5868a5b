import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Audit

/// An answer, as far as tests look at it.
struct TrailAnswer: Sendable {
    let status: Int
    let body: String

    var object: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:] }
    var data: [[String: Any]] { object["data"] as? [[String: Any]] ?? [] }
    var page: [String: Any] { object["page"] as? [String: Any] ?? [:] }
    var kind: String { (object["type"] as? String ?? "").replacingOccurrences(of: "/problems/", with: "") }
    var actions: [String] { data.compactMap { $0["action"] as? String } }
    /// Without those that tell of reading.
    var acts: [String] { actions.filter { $0 != "audit_trail.read" } }
}

extension AuditFixture {
    /// A request, `headers` besides who it is.
    func send(
        _ method: HTTPRequest.Method, _ path: String, query: [String: String] = [:], as identity: HTTPFields, json: String? = nil
    ) async throws -> TrailAnswer {
        // What is written down next stands behind what was before: identifiers of one moment are in no order.
        house.clock.advance(by: .milliseconds(1))
        var headers = identity
        if json != nil { headers[.contentType] = "application/json" }
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let pairs = query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }
        let uri = pairs.isEmpty ? path : "\(path)?\(pairs.joined(separator: "&"))"
        let (sent, body) = (headers, json.map { ByteBuffer(string: $0) })
        return try await house.withClient(service) { client in
            try await client.execute(uri: uri, method: method, headers: sent, body: body) { response in
                TrailAnswer(status: response.status.code, body: String(buffer: response.body))
            }
        }
    }

    func search(_ q: String, _ more: [String: String] = [:], tenant: TenantID? = nil) async throws -> TrailAnswer {
        let identity = try await house.identityHeader(tenant: tenant ?? self.tenant)
        return try await send(.get, "/api/v1/audit/events", query: more.merging(["q": q, "limit": "200"]) { given, _ in given }, as: identity)
    }

    func entry(
        _ action: String, actor: EventActor = EventActor(kind: .user, id: "u1", name: "Ursula Test"), targets: [AuditRecord.Target]? = nil,
        outcome: AuditRecord.Outcome = .success, address: String? = nil, request: String? = nil, metadata: [String: String] = [:],
        at instant: Date? = nil, tenant: TenantID? = nil
    ) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: instant ?? house.clock.clock.now, tenant: tenant ?? self.tenant,
            actor: actor,
            audit: AuditRecord(
                action: action, outcome: outcome, targets: targets ?? [.init(type: "template", id: "t1", name: "Spring offer")],
                address: address, userAgent: "Browser/9", request: request, metadata: metadata))
    }
}

@Suite("Searching the trail")
struct SearchTests {
    @Test("each field finds what it says, and its opposite the rest")
    func fields() async throws {
        let fixture = try await AuditFixture.make()
        let now = fixture.house.clock.clock.now
        let session = UUID().uuidString.lowercased()
        try await fixture.take([
            try fixture.entry(
                "lead.create", targets: [.init(type: "lead", id: "l1", name: "Zebedee")], address: "10.1.2.3", request: "r-77",
                metadata: ["plan": "pro", "note": "quarterly revenue report"], at: now.addingTimeInterval(-10)),
            try fixture.entry(
                "list.delete", actor: EventActor(kind: .support, id: "s1", name: "Sam"), outcome: .denied, address: "2001:db8::7",
                metadata: ["support_session": session], at: now),
        ])
        let (first, second) = ("lead.create", "list.delete")
        let cases: [(String, [String])] = [
            ("action:lead.create", [first]), ("action:lead.*", [first]), ("action:lead.*,list.*", [second, first]), ("-action:lead.*", [second]),
            ("actor:s1", [second]), ("actor.type:support", [second]), ("-actor.type:support", [first]), ("outcome:denied,failure", [second]),
            ("target:lead:l1", [first]), ("target:l1", [first]), ("target:lea*", [first]), ("-target:l1", [second]), ("target.type:lead", [first]),
            ("ip:10.0.0.0/8", [first]), ("ip:10.1.2.3", [first]), ("ip:2001:db8::/32", [second]), ("-ip:10.0.0.0/8", [second]),
            ("request:r-77", [first]), ("-request:r-77", [second]), ("source:campaigns", [second, first]), ("support:\(session)", [second]),
            ("meta.plan:pro", [first]), ("meta.plan:p*", [first]), ("-meta.plan:pro", [second]), ("zebedee", [first]), ("ZEBEDEE", [first]),
            ("zebe*", [first]), ("zebedee,sam", [second, first]), (#""quarterly revenue""#, [first]), (#""revenue quarterly""#, []),
            ("quarterly report", [first]), ("quarterly -zebedee", []), ("!!!", []), ("zebedee sam", []),
            ("occurred:>=\(WireJSON.format(now))", [second]), ("occurred:<\(WireJSON.format(now))", [first]), ("", [second, first]),
            ("occurred:\(WireJSON.format(now)),<\(WireJSON.format(now))", [second, first]), ("-support:\(session)", [first]),
        ]
        for (query, expected) in cases {
            let answer = try await fixture.search(query)
            #expect(answer.status == 200 && answer.acts == expected, "\(query): \(answer.body)")
        }
    }

    @Test("more than five thousand events of one millisecond are paged exactly once, in either order, by words as without")
    func paging() async throws {
        let fixture = try await AuditFixture.make()
        let count = 5_100
        for start in stride(from: 0, to: count, by: 500) {
            try await fixture.take(try (start..<min(start + 500, count)).map { try fixture.entry("thing.number_\($0)") })
        }
        for parameters in [["order": "occurred"], ["order": "seq"], ["q": "template", "order": "occurred"]] {
            let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
            var query = parameters.merging(["limit": "200"]) { given, _ in given }
            var seen: [String] = []
            var total: Int?
            while true {
                let answer = try await fixture.send(.get, "/api/v1/audit/events", query: query, as: identity)
                #expect(answer.status == 200, "\(answer.body)")
                seen += answer.acts
                total = total ?? (answer.object["total"] as? [String: Any])?["value"] as? Int
                guard answer.page["has_more"] as? Bool == true, let next = answer.page["next"] as? String else { break }
                query["cursor"] = next
            }
            #expect(seen.count == count && Set(seen).count == count, "\(parameters)")
            // Reading it before may have left a trace or two.
            #expect((count...count + 3).contains(total ?? 0))
        }
    }

    @Test("a page leads back to the one before, and an order by number goes on where it ended")
    func links() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take(try (0..<9).map { try fixture.entry("thing.number_\($0)") })
        let query = ["limit": "3", "actor": "u1"]
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        func page(_ cursor: Any?, _ more: [String: String] = [:]) async throws -> TrailAnswer {
            var query = query.merging(more) { $1 }
            query["cursor"] = cursor as? String
            return try await fixture.send(.get, "/api/v1/audit/events", query: query, as: identity)
        }
        let first = try await page(nil)
        let second = try await page(first.page["next"])
        let third = try await page(second.page["next"])
        #expect(first.page["prev"] is NSNull && third.page["next"] is NSNull)
        #expect(third.actions == ["thing.number_2", "thing.number_1", "thing.number_0"])
        let back = try await page(third.page["prev"])
        #expect(back.actions == second.actions && back.page["next"] as? String != nil)
        let begin = try await page(back.page["prev"])
        #expect(begin.actions == first.actions && begin.page["prev"] is NSNull)

        let polled = try await page(nil, ["order": "seq", "limit": "200"])
        #expect(polled.page["has_more"] as? Bool == false)
        #expect(polled.actions == (0..<9).map { "thing.number_\($0)" })
        #expect(try await page(polled.page["next"], ["order": "seq", "limit": "200"]).actions.isEmpty)
        try await fixture.take([try fixture.entry("thing.later")])
        #expect(try await page(polled.page["next"], ["order": "seq", "limit": "200"]).actions == ["thing.later"])
    }

    @Test("neither words, metadata, cursors nor identifiers lead into another company's trail")
    func isolation() async throws {
        let fixture = try await AuditFixture.make()
        let other = TenantID(UUID())
        let foreign = try fixture.entry("thing.foreign", metadata: ["secret": "xylophone"], tenant: other)
        try await fixture.take([foreign] + (try (0..<3).map { try fixture.entry("thing.number_\($0)") }))
        for query in ["xylophone", "xylo*", "meta.secret:xylophone", "action:thing.foreign", "-action:nothing.here"] {
            let own = try await fixture.search(query)
            #expect(own.status == 200 && !own.body.contains("foreign"), "\(query)")
            #expect(try await fixture.search(query, tenant: other).acts == ["thing.foreign"], "\(query)")
        }
        let page = try await fixture.search("template", ["limit": "1"])
        let cursor = try #require(page.page["next"] as? String)
        #expect(try await fixture.search("template", ["limit": "1", "cursor": cursor], tenant: other).status == 400)
        #expect(try await fixture.search("template -x", ["limit": "1", "cursor": cursor]).status == 400)
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        let stranger = "/api/v1/audit/events/\(foreign.header.id)"
        #expect(try await fixture.send(.get, stranger, as: identity).status == 404)
        #expect(try await fixture.send(.get, "\(stranger)/proof", as: identity).status == 404)
        let found = try await fixture.house.house.api.query(
            "select * from find_trail_events('{xylophone}', '{}', '{}', 10, '{d90,y1,y7}', \(EventID.zero)) as found (id)")
        #expect(found.isEmpty)
    }

    @Test(
        "text that means something to Postgres is only text",
        arguments: [
            "'; drop table trail_events; --", "\"'; drop table trail_events; --\"", "a' & !b | c:*", "\\' \\\\", "meta.k:\"' or '1'='1\"",
            "meta.$1:$2", "$1 $2", "target:%", "action:x'*", "'*", "\\*", "\"\\\\\"", "a<->b", "!x", "((", "ip:::1", "\u{1F427}*", "e\u{301}",
            "actor:\"{\\\"a\\\",NULL}\"", "request:\u{2028}",
        ])
    func injection(text: String) async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.entry("thing.do", metadata: ["k": "v"])])
        for q in [text, "-\(text)", "thing \(text)"] {
            let answer = try await fixture.search(q)
            #expect([200, 400].contains(answer.status), "\(q): \(answer.body)")
            if answer.status == 400 { #expect(answer.kind == "invalid_search" && (answer.object["position"] as? Int) != nil) }
        }
        #expect(try await fixture.search("").acts == ["thing.do"])
    }

    @Test("a search that takes longer than three seconds is given up")
    func tooSlow() async throws {
        let fixture = try await AuditFixture.make()
        let owner = Database(fixture.house.database.configuration(role: "audit_owner"), connections: 1)
        let answer = try await owner.transaction { transaction in
            try await transaction.query("lock table trail_events in access exclusive mode")
            return try await fixture.search("thing")
        }
        #expect(answer.status == 422 && answer.kind == "search_too_slow")
    }

    @Test("an answer says what it found, where the tree stood, and each entry can be read and proven by itself")
    func proofs() async throws {
        let fixture = try await AuditFixture.make()
        let events = try (0..<5).map { try fixture.entry("thing.number_\($0)") }
        try await fixture.take(events)
        let page = try await fixture.search("", ["limit": "2"])
        let total = page.object["total"] as? [String: Any]
        #expect(total?["value"] as? Int == 5 && total?["relation"] as? String == "eq")
        #expect((page.object["checkpoint"] as? [String: Any])?["size"] as? Int == 5)
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        let path = "/api/v1/audit/events/\(events[3].header.id)"
        #expect(try await fixture.send(.get, path, as: identity).object["action"] as? String == "thing.number_3")
        let proof = try await fixture.send(.get, "\(path)/proof", as: identity)
        #expect(proof.status == 200 && proof.object["seq"] as? Int == 4 && proof.object["checkpoint"] is [String: Any])
        let keys = try await fixture.send(.get, "/api/v1/audit/keys", as: identity)
        #expect(try keys.object["keys"] as? [String] == fixture.trail.signer.verifierKeys)
        let newest = try await fixture.send(.get, "/api/v1/audit/checkpoint", as: identity)
        let size = try #require(newest.object["size"] as? Int)
        #expect(size >= 5)
        let consistency = try await fixture.send(.get, "/api/v1/audit/consistency", query: ["from": "5", "to": "\(size)"], as: identity)
        #expect(consistency.status == 200, "\(consistency.body)")
        #expect(try await fixture.send(.get, "/api/v1/audit/consistency", query: ["from": "0"], as: identity).status == 400)
        #expect(try await fixture.send(.get, "/api/v1/audit/consistency", query: ["from": "99"], as: identity).status == 404)
    }

    @Test("facets count what a search finds")
    func facets() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take(
            try (0..<3).map { _ in try fixture.entry("thing.do") } + [try fixture.entry("thing.undo", outcome: .denied)])
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        let answer = try await fixture.send(.get, "/api/v1/audit/facets", query: ["q": "template"], as: identity)
        let facets = try #require(answer.object["facets"] as? [String: Any])
        func counts(_ field: String) -> [String] {
            (facets[field] as? [[String: Any]] ?? []).map { "\($0["value"] as? String ?? "") \($0["count"] as? Int ?? 0)" }
        }
        #expect(counts("action") == ["thing.do 3", "thing.undo 1"])
        #expect(counts("outcome") == ["success 3", "denied 1"])
        let days = try #require(facets["day"] as? [[String: Any]])
        #expect(days.compactMap { $0["count"] as? Int }.reduce(0, +) == 4)
        #expect(days.allSatisfy { ($0["value"] as? String)?.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) != nil })
        #expect((answer.object["counted"] as? [String: Any])?["value"] as? Int == 4)
        // Counts have no order, so none is looked at; the time is.
        #expect(try await fixture.send(.get, "/api/v1/audit/facets", query: ["order": "backwards"], as: identity).status == 200)
        #expect(try await fixture.send(.get, "/api/v1/audit/facets", query: ["from": "soon"], as: identity).status == 400)
    }

    @Test("searches are kept under a name, seen by the company's readers only, and deleted")
    func views() async throws {
        let fixture = try await AuditFixture.make()
        let path = "/api/v1/audit/views"
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        let made = try await fixture.send(.post, path, as: identity, json: #"{"name":"Denied","q":"outcome:denied"}"#)
        #expect(made.status == 201, "\(made.body)")
        #expect(try await fixture.send(.post, path, as: identity, json: #"{"name":"denied","q":""}"#).kind == "name_taken")
        let broken = try await fixture.send(.post, path, as: identity, json: #"{"name":"x","q":"colour:red"}"#)
        #expect(broken.status == 400 && broken.object["position"] as? Int == 0)
        let member = try await fixture.house.identityHeader(tenant: fixture.tenant, role: .member)
        #expect(try await fixture.send(.get, path, as: member).status == 403)
        let stranger = try await fixture.house.identityHeader(tenant: TenantID(UUID()))
        #expect(try await fixture.send(.get, path, as: stranger).data.isEmpty)
        let id = try #require(made.object["id"] as? String)
        #expect(try await fixture.send(.delete, "\(path)/\(id)", as: stranger).status == 404)
        #expect(try await fixture.send(.get, path, as: identity).data.compactMap { $0["name"] as? String } == ["Denied"])
        fixture.house.clock.advance(by: .milliseconds(1))
        #expect(try await fixture.send(.delete, "\(path)/\(id)", as: identity).status == 204)
        #expect(try await fixture.send(.get, path, as: identity).data.isEmpty)
        #expect(try await fixture.search("").acts == ["audit_view.delete", "audit_view.create"])
    }

    @Test("reading is kept once an hour for the same search of a session, and tells of no reading of itself")
    func reading() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.entry("thing.do")])
        let identity = try await fixture.house.identityHeader(tenant: fixture.tenant)
        func read() async throws -> [String] {
            try await fixture.send(.get, "/api/v1/audit/events", as: identity).actions
        }
        fixture.house.clock.advance(by: .milliseconds(1))
        #expect(try await read() == ["thing.do"])
        fixture.house.clock.advance(by: .milliseconds(1))
        #expect(try await read() == ["audit_trail.read", "thing.do"])
        #expect(try await read() == ["audit_trail.read", "thing.do"])
    }

    @Test("a difference of clocks is told beyond five minutes", arguments: [(299.0, nil), (300.0, nil), (301.0, 301_000), (-301.5, -301_500)])
    func skew(seconds: TimeInterval, expected: Int64?) {
        let instant = Date(timeIntervalSince1970: 1_795_000_000)
        #expect(TrailEvent.skew(from: instant, to: instant + seconds) == expected)
    }
}
