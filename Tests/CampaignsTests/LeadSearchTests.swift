import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

@Suite("Finding leads")
struct LeadSearchTests {
    @Test("pages follow each other without a gap or a repeat while leads come and go", arguments: ["created", "email"])
    func paging(order: String) async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(230)
        let rows = try await ground.worker.query("select id, email from leads where tenant_id = \(ground.tenant) order by id desc")
        var expected = try rows.map { try $0.decode("id", as: LeadID.self).description }
        if order == "email" {
            let emails = try rows.map { try $0.decode("email", as: String.self) }
            expected = zip(emails, expected).sorted { Array($0.0.utf8).lexicographicallyPrecedes(Array($1.0.utf8)) }.map { $0.1 }
        }
        var seen: [String] = []
        var cursor: String?
        for page in 0..<10 {
            let answer = try await ground.list("sort=\(order)" + (cursor.map { "&cursor=\($0)" } ?? ""), limit: 50)
            seen += answer.data("id")
            cursor = answer.next
            guard cursor != nil else { break }
            // The newest, and the first by address: it stands before what is still to come.
            _ = try await ground.create("aaa\(page)@x.org")
            // The last that was read.
            let last = try #require(LeadID(seen[seen.count - 1]))
            try await ground.worker.query("delete from leads where tenant_id = \(ground.tenant) and id = \(last)")
        }
        #expect(seen == expected)
        let other = order == "created" ? "email" : "created"
        let foreign = try await ground.list("sort=\(other)&cursor=\(try #require(try await ground.list("sort=\(order)", limit: 1).next))")
        #expect(foreign.status == 400)
    }

    @Test(
        "words, parts of addresses, tags, states and lists find who is meant and nobody else",
        arguments: [
            ("q=lovel", ["ada@navy.example"]), ("q=ADA", ["ada@navy.example", "bo@ada.example"]), ("q=ada%20king", ["ada@navy.example"]),
            ("q=ada@navy.example", ["ada@navy.example"]), ("q=navy", ["ada@navy.example", "eve@navy.example"]), ("q=avy", []),
            ("q=o'brien", ["eve@navy.example"]), ("q=%C3%A5ngstr", ["bo@ada.example"]), ("tag=it's%20%5C%20odd", ["bo@ada.example"]), ("tag=it", []),
            ("status=unsubscribed", ["eve@navy.example"]), ("q=navy&status=active", ["ada@navy.example"]), ("q=king&tag=vip", ["ada@navy.example"]),
            ("q=%27%20%7C%20%27x", []), ("q=example%3A%2A", ["ada@navy.example", "bo@ada.example", "eve@navy.example"]),
        ])
    func search(query: String, expected: [String]) async throws {
        let ground = try await LeadGround.make()
        _ = try await ground.create("ada@navy.example", #""first_name":"Ada","last_name":"Lovelace-King","tags":["vip"]"#)
        _ = try await ground.create("bo@ada.example", #""company":"Ångström & Co","tags":["it's \\ odd"]"#)
        let eve = try await ground.create("eve@navy.example", #""last_name":"O'Brien","tags":["vip"]"#)
        _ = try await ground.send(.patch, "/api/v1/leads/\(eve.text("id"))", #"{"status":"unsubscribed"}"#, match: "*")
        // The same words elsewhere: in another workspace, and in another company.
        _ = try await ground.create("ada.king@navy.example", #""first_name":"Ada","last_name":"Lovelace","tags":["vip"]"#, in: ground.other)
        _ = try await ground.send(
            .post, "/api/v1/leads", #"{"workspace":"\#(ground.workspace)","email":"ada@navy.example","tags":["vip"]}"#, tenant: TenantID(UUID()))
        let answer = try await ground.list(query)
        #expect(answer.status == 200, "\(answer.body)")
        #expect(answer.data("email").sorted() == expected)
    }

    @Test("a list narrows, and what asks for nothing or too much is refused")
    func narrow() async throws {
        let ground = try await LeadGround.make()
        let list = try await ground.makeList()
        _ = try await ground.create("a@x.org", #""list":"\#(list)""#)
        _ = try await ground.create("b@x.org")
        #expect(try await ground.list("list=\(list)").data("email") == ["a@x.org"])
        #expect(try await ground.list("list=\(list)&q=b").data("email") == [])
        for query in ["q=%25%25", "q=\(String(repeating: "a", count: 201))", "status=asleep", "list=1", "tag=", "sort=name", "cursor=!"] {
            #expect(try await ground.list(query).status == 400, "\(query)")
        }
        #expect(try await ground.send(.get, "/api/v1/leads").status == 400)
    }

    @Test("a word that thousands have is found in order too, page by page")
    func common() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(6_000)
        let expected = try await ground.worker.query(
            "select id from leads where tenant_id = \(ground.tenant) order by id desc"
        ).map { try $0.decode("id", as: LeadID.self) }
        var position: LeadPosition?
        var seen: [LeadID] = []
        while seen.count < 6_000 {
            let page = try await LeadStore.list(
                LeadFilter(q: "host comp"), of: ground.tenant, workspace: ground.workspace, after: position, limit: 2_500, in: ground.house.house.api)
            guard let last = page.last else { break }
            seen += page.map(\.id)
            position = LeadPosition(id: last.id)
        }
        #expect(seen == expected)
    }

    @Test("lists and searches go through indexes as the requests' role, whatever they ask")
    func plans() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(20_000)
        // Another company with the same words, larger: its leads must not be walked through.
        try await ground.seed(20_000, of: TenantID(UUID()), prefix: "user")
        let owner = Database(ground.house.database.configuration(role: "campaigns_owner"), connections: 1)
        for table: SQL in ["analyze leads", "analyze lead_workspaces", "analyze list_members"] { try await owner.query(table) }
        let cases: [(String, LeadFilter, LeadOrder, LeadPosition?)] = [
            ("all", LeadFilter(), .created, nil), ("by address", LeadFilter(), .email, nil),
            ("a later page", LeadFilter(), .created, LeadPosition(id: LeadID(.v7(at: ground.now.addingTimeInterval(-86_390))))),
            ("a rare word", LeadFilter(q: "name777"), .created, nil), ("an unknown word", LeadFilter(q: "nobody"), .created, nil),
            ("a common word", LeadFilter(q: "company"), .email, nil), ("a tag", LeadFilter(tag: "rare"), .created, nil),
            ("a state", LeadFilter(status: .unsubscribed), .created, nil),
        ]
        for (name, filter, order, position) in cases {
            let query = LeadStore.list(filter, of: ground.tenant, workspace: ground.workspace, order: order, after: position, limit: 51)
            let (plan, scans, fetched) = try await ground.house.house.api.transaction(as: ground.tenant) { transaction in
                // What find_leads does is hidden from EXPLAIN: the counters of this connection say which ways it really took.
                let before = try await reads(transaction)
                let plan = try await transaction.query("explain (analyze, timing off, summary off) \(query)").map {
                    try $0.decode("QUERY PLAN", as: String.self)
                }
                let after = try await reads(transaction)
                return (plan.joined(separator: "\n"), after[0] - before[0], after[1] - before[1])
            }
            #expect(!plan.contains("Seq Scan"), "\(name): \(plan)")
            #expect(plan.contains("leads_pkey"), "\(name): \(plan)")
            #expect(scans == 0, "\(name) reads a table from end to end")
            #expect(fetched < 7_000, "\(name) touches \(fetched) rows")
        }
    }

    /// Sequential scans of the tables of leads, and rows that were fetched by index, so far.
    private func reads(_ transaction: Transaction) async throws -> [Int] {
        let row = try await transaction.query(
            """
            select sum(seq_scan)::bigint as scans, sum(idx_tup_fetch)::bigint as fetched from pg_stat_xact_user_tables
            where schemaname = 'campaigns' and relname in ('leads', 'lead_workspaces', 'list_members')
            """)[0]
        return [try row.decode("scans"), try row.decode("fetched")]
    }

    @Test("a search finds nothing without a tenant, and its index is the one of words")
    func tenant() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(300)
        let filter = LeadFilter(q: "ada")
        #expect(try await ground.house.house.api.query(filter.identifiers(in: ground.workspace, limit: 10)).isEmpty)
        let scans = try await ground.house.house.api.transaction(as: ground.tenant) { transaction in
            #expect(try await transaction.query(filter.identifiers(in: ground.workspace, limit: 10)).count == 10)
            return try await transaction.query("select pg_stat_get_xact_numscans('leads_search'::regclass) as scans")[0].decode("scans", as: Int.self)
        }
        #expect(scans > 0)
    }
}
