import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

@Suite("Leads as files")
struct LeadExportTests {
    private static let jobs = "/api/v1/leads/exports"

    private func leads(of ground: LeadGround) async throws -> [Lead] {
        try await ground.worker.query(
            "select \(Lead.columns) from leads l where l.tenant_id = \(ground.tenant) order by l.id desc"
        ).map(Lead.init(row:))
    }

    private func begin(_ ground: LeadGround, format: String = "csv", filter: String = "{}") async throws -> LeadGround.Answer {
        try await ground.send(.post, Self.jobs, #"{"workspace":"\#(ground.workspace)","format":"\#(format)","filter":\#(filter)}"#)
    }

    private func writer(_ ground: LeadGround, batch: Int = 1_000) -> LeadExportWriter {
        LeadExportWriter(database: ground.worker, outbox: ground.house.house.outbox, clock: ground.house.clock.clock, batch: batch)
    }

    @Test("2,500 leads, streamed, are what the database has, in its order")
    func stream() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(2_500)
        try await ground.seed(20, in: ground.other, prefix: "other")
        let answer = try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)&format=ndjson")
        #expect(answer.status == 200)
        let lines = answer.body.split(separator: "\n").map { Data($0.utf8) }
        let exported = try lines.map { try WireJSON.decoder().decode(Lead.self, from: $0) }
        let stored = try await leads(of: ground).filter { !$0.email.hasPrefix("other") }
        #expect(exported.count == 2_500 && exported == stored)
        let table = try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)")
        let rows = table.body.components(separatedBy: "\r\n").dropLast()
        #expect(rows.count == 2_501)
        #expect(rows.dropFirst().map { String($0.prefix(36)) } == stored.map(\.id.description))
        let part = try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)&format=ndjson&tag=rare")
        #expect(part.body.split(separator: "\n").count == 5)
        let records = try await ground.audits().filter { $0.action == "lead.export" }
        #expect(records.map { $0.metadata["count"] } == ["2500", "2500", "5"])
    }

    @Test("a table has a column for each field, keeps what has none, and holds no formula")
    func table() async throws {
        let ground = try await LeadGround.make()
        _ = try await ground.send(.post, "/api/v1/leads/fields", #"{"key":"note","name":"Note","kind":"text"}"#)
        _ = try await ground.send(.post, "/api/v1/leads/fields", #"{"key":"owed","name":"Owed","kind":"number"}"#)
        let made = try await ground.create(
            "a@x.org",
            #""first_name":"=HYPERLINK(\"x\")","last_name":"+1","company":"@co","tags":["-t","u"],"custom":{"note":"=1,\n2","owed":-5}"#)
        #expect(made.status == 201, "\(made.body)")
        try await ground.worker.query("update leads set custom = custom || '{\"old\": \"x\"}' where tenant_id = \(ground.tenant)")
        let file = try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)&format=csv").body
        let at = WireJSON.format(try await leads(of: ground)[0].createdAt)
        let expected = """
            id,email,first_name,last_name,company,time_zone,tags,status,status_changed_at,created_at,note,owed,custom\r
            \(made.text("id")),a@x.org,"'=HYPERLINK(""x"")",'+1,'@co,,'-t;u,active,,\(at),"'=1,
            2",-5,"{""old"":""x""}"\r

            """
        #expect(file == expected)
    }

    @Test("a job goes on where a crash left it, and its file is what would have been streamed")
    func resume() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(250)
        let streamed = try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)&format=csv").body
        let begun = try await begin(ground)
        #expect(begun.status == 202 && begun.text("status") == "queued", "\(begun.body)")
        let one = "\(Self.jobs)/\(begun.text("id"))"
        let export = try #require(LeadExportID(begun.text("id")))
        #expect(try await ground.send(.get, "\(one)/file").kind == "export_not_ready")
        #expect(try await writer(ground, batch: 100).writeOnce())
        let half = try await ground.send(.get, one)
        #expect(half.text("status") == "running" && half.number("rows") == 100)

        // A process that dies in the middle of a batch: its part and its place go with it.
        struct Crash: Error {}
        await #expect(throws: Crash.self) {
            try await ground.worker.transaction { transaction in
                try await transaction.query("update lead_exports set cursor = null, rows = 999 where tenant_id = \(ground.tenant) and id = \(export)")
                try await transaction.query(
                    """
                    insert into lead_export_parts (tenant_id, export_id, part, workspace_id, content)
                    values (\(ground.tenant), \(export), 1, \(ground.workspace), \(Data("half".utf8)))
                    """)
                // Whoever comes meanwhile leaves it alone.
                #expect(try await !writer(ground, batch: 100).writeOnce())
                throw Crash()
            }
        }
        // New leads come before the place: they are not in it.
        _ = try await ground.create("late@x.org")
        while try await writer(ground, batch: 100).writeOnce() {}
        let done = try await ground.send(.get, one)
        #expect(done.text("status") == "completed" && done.number("rows") == 250)
        let file = try await ground.send(.get, "\(one)/file")
        #expect(file.status == 200 && file.body == streamed && done.number("bytes") == streamed.utf8.count)
        let records = try await ground.audits().filter { $0.action.hasPrefix("lead.export") || $0.action.hasPrefix("lead_export") }
        #expect(records.map(\.action) == ["lead.export", "lead_export.create", "lead.export", "lead_export.download"])
        #expect(records[2].metadata["count"] == "250")
    }

    @Test("a batch of large leads ends before a thousand of them, and none is lost")
    func largeLeads() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(250)
        try await ground.worker.query(
            "update leads set custom = jsonb_build_object('x', repeat('y', 50000)) where tenant_id = \(ground.tenant)")
        let begun = try await begin(ground)
        let one = "\(Self.jobs)/\(begun.text("id"))"
        #expect(try await writer(ground).writeOnce())
        #expect(try await ground.send(.get, one).number("rows") == 100)
        while try await writer(ground).writeOnce() {}
        let done = try await ground.send(.get, one)
        #expect(done.text("status") == "completed" && done.number("rows") == 250)
    }

    @Test("large files are kept in parts of at most a mebibyte")
    func parts() async throws {
        let content = Data((0..<(2 << 20) + 5).map { UInt8(truncatingIfNeeded: $0) })
        let parts = LeadExportWriter.parts(of: content)
        #expect(parts.map(\.count) == [1 << 20, 1 << 20, 5])
        #expect(parts.reduce(into: Data(), { $0.append($1) }) == content)
        #expect(LeadExportWriter.parts(of: Data()).isEmpty)
    }

    @Test("the background writes, takes turns between companies, and removes files when their week is over")
    func background() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(1_500)
        let mine = try await begin(ground, format: "ndjson", filter: #"{"q":"ada"}"#)
        let theirs = try await ground.send(
            .post, Self.jobs, #"{"workspace":"\#(ground.workspace)","format":"csv"}"#, tenant: TenantID(UUID()))
        #expect(theirs.status == 202)
        let (house, service) = (ground.house, ground.service)
        try await house.withBackground([service.leadExports]) {
            try await eventually("both files are written") {
                let open = try await ground.worker.query("select count(*) as n from lead_exports where status <> 'completed'")
                return try open[0].decode("n", as: Int.self) == 0
            }
        }
        let file = try await ground.send(.get, "\(Self.jobs)/\(mine.text("id"))/file")
        #expect(file.body.split(separator: "\n").count == 375)
        #expect(try await !writer(ground).expireOnce())
        house.clock.advance(by: .seconds(7 * 86_400 + 1))
        #expect(try await writer(ground).expireOnce())
        #expect(try await writer(ground).expireOnce())
        #expect(try await !writer(ground).expireOnce())
        #expect(try await house.rows(of: ground.tenant)["lead_export_parts"] == nil)
        #expect(try await ground.send(.get, "\(Self.jobs)/\(mine.text("id"))").status == 404)
    }

    @Test("a cancelled job ends, its file goes, and others cannot see it")
    func cancel() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(250)
        let begun = try await begin(ground)
        let one = "\(Self.jobs)/\(begun.text("id"))"
        #expect(try await writer(ground, batch: 100).writeOnce())
        #expect(try await ground.send(.get, one, tenant: TenantID(UUID())).status == 404)
        #expect(try await ground.send(.get, one, role: .member, workspaces: [ground.other]).status == 404)
        #expect(try await ground.send(.get, Self.jobs, role: .member, workspaces: [ground.other]).data("id") == [])
        #expect(try await ground.send(.get, one, role: .viewer).status == 403)
        #expect(try await ground.send(.get, Self.jobs).data("id") == [begun.text("id")])
        #expect(try await ground.send(.delete, one).status == 204)
        #expect(try await ground.send(.delete, one).status == 204)
        #expect(try await ground.send(.get, one).text("status") == "cancelled")
        #expect(try await !writer(ground, batch: 100).writeOnce())
        #expect(try await ground.house.rows(of: ground.tenant)["lead_export_parts"] == nil)
        #expect(try await ground.send(.get, "\(one)/file").status == 409)
        #expect(try await ground.audits().filter { $0.action == "lead_export.cancel" }.count == 1)
    }

    @Test("what would be too large to stream points to the background, and a company has ten jobs at once")
    func limits() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(50_001)
        let refused = try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)")
        #expect(refused.status == 422 && refused.kind == "export_too_large" && refused.text("detail").contains("/api/v1/leads/exports"))
        #expect(try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)&format=xls").status == 400)
        #expect(try await ground.send(.get, "/api/v1/leads/export?workspace=\(ground.workspace)", role: .viewer).status == 403)
        for _ in 0..<LeadExports.mostOpen { #expect(try await begin(ground).status == 202) }
        #expect(try await begin(ground).kind == "too_many_exports")
    }

    @Test("nothing of an export is left when its workspace goes")
    func purge() async throws {
        let ground = try await LeadGround.make()
        try await ground.seed(5)
        _ = try await begin(ground)
        #expect(try await writer(ground).writeOnce())
        #expect(try await ground.house.rows(of: ground.workspace)["lead_export_parts"] == 1)
        let purge = Purge(database: ground.worker, clock: ground.house.clock.clock)
        for _ in 0..<20 {
            if try await purge.purge(CampaignsRPC.Purge(tenant: ground.tenant, workspace: ground.workspace)) { break }
        }
        #expect(try await ground.house.rows(of: ground.workspace) == [:])
    }
}
