import Contracts
import Foundation
import NIOCore
import Postgres
import RPC
import TestSupport
import Testing

@testable import Campaigns

@Suite("Imports that end before their time, and what is left of them")
struct ImportRunTests {
    private static func rows(_ numbers: Range<Int>) -> ByteBuffer {
        ByteBuffer(string: numbers.map { "lead\($0)@example.org,Name \($0)\n" }.joined())
    }

    /// What the trail was told, in order.
    private static func trail(of fixture: CampaignsFixture) async throws -> [String] {
        try await fixture.house.house.worker.query(
            "select body::jsonb #>> '{header,audit,action}' as action from outbox where tenant_id = \(fixture.tenant) order by ctid"
        ).compactMap { try $0.decodeOptional("action", as: String.self) }
    }

    @Test("cancelled in the middle of its upload, an import stops at its next batch and keeps what is in")
    func cancel() async throws {
        let fixture = try await CampaignsFixture.make()
        let id = ImportID(UUID())
        let (body, pieces) = AsyncStream.makeStream(of: ByteBuffer.self)
        let upload = Task { [importer = fixture.importer, identity = fixture.identity, workspace = fixture.peers.workspace] in
            try await importer.run(
                .init(id: id, workspace: workspace, fileName: "f.csv", duplicates: .skip), body: body, by: identity,
                audit: { AuditRecord(action: $0, targets: [$1]) })
        }
        pieces.yield(ByteBuffer(string: "email,first_name\n"))
        pieces.yield(Self.rows(0..<(2 * ImportBatch.rows + 1_000)))
        try await eventually("two batches are in") {
            try await fixture.send(.get, "/api/v1/imports/\(id)").number("rows") == 2 * ImportBatch.rows
        }
        #expect(try await fixture.send(.post, "/api/v1/imports/\(id)/cancel", role: .viewer).status == 403)
        #expect(try await fixture.send(.post, "/api/v1/imports/\(id)/rollback").text("type") == "/problems/import_running")
        #expect(try await fixture.send(.post, "/api/v1/imports/\(id)/cancel").text("status") == "cancelled")
        pieces.yield(Self.rows((2 * ImportBatch.rows + 1_000)..<(5 * ImportBatch.rows)))
        pieces.finish()
        let ended = try await upload.value
        #expect(ended.status == .cancelled && ended.rows == 2 * ImportBatch.rows && ended.created == 2 * ImportBatch.rows)
        #expect(try await fixture.leads().count == 2 * ImportBatch.rows)
        #expect(try await fixture.leadCount() == 2 * ImportBatch.rows)
        // A second time it is as it was; one that is over cannot be cancelled.
        #expect(try await fixture.send(.post, "/api/v1/imports/\(id)/cancel").text("status") == "cancelled")
        let done = try await fixture.upload("email\na@x.org\n")
        #expect(try await fixture.send(.post, "/api/v1/imports/\(done.text("id"))/cancel").text("type") == "/problems/import_not_running")
        let actions = try await fixture.house.house.worker.query(
            "select body from outbox where tenant_id = \(fixture.tenant) and type = 'campaigns.import.statusChanged'")
        #expect(try actions.map { try $0.decode("body", as: String.self) }.filter { $0.contains("import.cancel") }.count == 1)
    }

    @Test("an upload that breaks off leaves an import that says so, with what is in")
    func brokenOff() async throws {
        struct Gone: Error {}
        let fixture = try await CampaignsFixture.make()
        let id = ImportID(UUID())
        let (body, pieces) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
        pieces.yield(ByteBuffer(string: "email,first_name\n"))
        pieces.yield(Self.rows(0..<(2 * ImportBatch.rows + 500)))
        pieces.finish(throwing: Gone())
        await #expect(throws: Gone.self) {
            try await fixture.importer.run(
                .init(id: id, workspace: fixture.peers.workspace, fileName: "f.csv", duplicates: .skip), body: body, by: fixture.identity,
                audit: { AuditRecord(action: $0, targets: [$1]) })
        }
        let run = try await fixture.send(.get, "/api/v1/imports/\(id)")
        #expect(run.text("status") == "failed" && run.number("rows") == 2 * ImportBatch.rows)
        #expect(try await Self.trail(of: fixture) == ["import.start", "import.fail"])
    }

    @Test("an import that has been silent for ten minutes has died; one that shows life has not")
    func dead() async throws {
        let fixture = try await CampaignsFixture.make()
        let sweeper = fixture.service.importSweeper
        let (dead, living) = (try await fixture.upload("email\na@x.org\n").text("id"), try await fixture.upload("email\nb@x.org\n").text("id"))
        try await fixture.house.house.worker.query(
            "update imports set status = 'running', finished_at = null where tenant_id = \(fixture.tenant)")
        #expect(try await !sweeper.step())
        fixture.house.clock.advance(by: .seconds(601))
        let touched = try await ImportStore.touch(
            try #require(ImportID(living)), of: fixture.tenant, at: fixture.house.clock.clock.now, in: fixture.house.house.api)
        #expect(touched)
        #expect(try await sweeper.step())
        #expect(try await !sweeper.step())
        #expect(try await fixture.send(.get, "/api/v1/imports/\(dead)").text("status") == "failed")
        #expect(try await Self.trail(of: fixture).filter { $0 == "import.fail" }.count == 1)
        #expect(try await fixture.send(.get, "/api/v1/imports/\(living)").text("status") == "running")
    }

    @Test("rejected rows come back as a file with the reason before each, and no cell of it is a formula")
    func rejectedFile() async throws {
        let fixture = try await CampaignsFixture.make()
        let bad = (0..<600).map { "no address \($0);=SUM(1);\"a;b\"\n" }.joined()
        let run = try await fixture.upload("email;first_name;notes\na@x.org;Ada;x\n\(bad);+47;\"two\nlines\"\n")
        let file = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))/rejected.csv")
        #expect(file.status == 200)
        let records = CSVParserTests.parse(Array(file.body.utf8)).map(\.fields)
        #expect(records.count == 602)
        #expect(records.first == ["line", "reason", "field", "email", "first_name", "notes"])
        #expect(records[1] == ["3", "email_invalid", "email", "no address 0", "'=SUM(1)", "a;b"])
        #expect(records[600] == ["602", "email_invalid", "email", "no address 599", "'=SUM(1)", "a;b"])
        #expect(records[601] == ["603", "email_missing", "email", "", "'+47", "two\nlines"])
        #expect(try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))/rejected.csv", tenant: TenantID(UUID())).status == 404)
    }

    @Test("corrected, the file of rejected rows is imported as it is; only members get it, the trail hears of it, and it goes after ninety days")
    func corrected() async throws {
        let fixture = try await CampaignsFixture.make()
        let run = try await fixture.upload("email,first_name\na.x.org,=Ada\n")
        let path = "/api/v1/imports/\(run.text("id"))"
        for part in ["errors", "rejected.csv"] { #expect(try await fixture.send(.get, "\(path)/\(part)", role: .viewer).status == 403) }
        let file = try await fixture.send(.get, "\(path)/rejected.csv").body
        #expect(try await Self.trail(of: fixture).last == "import.download_rejected")
        let again = try await fixture.upload(file.replacing("a.x.org", with: "a@x.org"))
        #expect(numbers(again, "created", "rejected") == [1, 0])
        let lead = try #require(try await fixture.leads()["a@x.org"])
        #expect(lead.firstName == "=Ada" && lead.custom == "{}")
        fixture.house.clock.advance(by: .seconds(91 * 86_400))
        while try await fixture.service.importSweeper.step() {}
        #expect(try await fixture.house.rows(of: fixture.tenant)["import_errors"] == nil)
    }

    @Test("of a rejected row no more than 16 KiB is kept")
    func rejectedRaw() async throws {
        let fixture = try await CampaignsFixture.make()
        let run = try await fixture.upload("email,notes\nno address,\"\(String(repeating: "é,", count: 100_000))\"\n")
        let file = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))/rejected.csv")
        #expect(file.body.utf8.count < 17_000 && file.body.contains("no address") && file.body.contains("value_too_long"))
    }

    @Test("a list that is deleted under an import ends it, and what is in stays")
    func listGone() async throws {
        let fixture = try await CampaignsFixture.make()
        let (id, list) = (ImportID(UUID()), try await fixture.makeList())
        let (body, pieces) = AsyncStream.makeStream(of: ByteBuffer.self)
        let upload = Task { [importer = fixture.importer, identity = fixture.identity, workspace = fixture.peers.workspace] in
            try await importer.run(
                .init(id: id, workspace: workspace, fileName: "f.csv", duplicates: .skip, list: list), body: body, by: identity,
                audit: { AuditRecord(action: $0, targets: [$1]) })
        }
        pieces.yield(ByteBuffer(string: "email,first_name\n"))
        pieces.yield(Self.rows(0..<(2 * ImportBatch.rows + 500)))
        try await eventually("two batches are in") {
            try await fixture.send(.get, "/api/v1/imports/\(id)").number("rows") == 2 * ImportBatch.rows
        }
        #expect(try await fixture.members(of: list).count == 2 * ImportBatch.rows)
        try await fixture.house.house.worker.query("delete from lists where tenant_id = \(fixture.tenant) and id = \(list)")
        pieces.finish()
        let outcome = await upload.result
        #expect(throws: (any Error).self) { try outcome.get() }
        #expect(try await fixture.send(.get, "/api/v1/imports/\(id)").text("status") == "failed")
        #expect(try await fixture.leads().count == 2 * ImportBatch.rows)
    }

    @Test("nothing of imports is left of a company that is purged")
    func purge() async throws {
        let fixture = try await CampaignsFixture.make()
        let list = try await fixture.makeList()
        _ = try await fixture.upload("email\na@x.org\nno address\n")
        _ = try await fixture.upload("email,first_name\na@x.org,Ada\n", "&duplicates=update&tags=hot&list=\(list)")
        let rows = try await fixture.house.rows(of: fixture.tenant)
        #expect(rows["imports"] == 2 && rows["import_changes"] == 1 && rows["import_errors"] == 1 && rows["lead_counts"] == 1)
        let client = RPCClient.local(fixture.house.router(fixture.service), caller: .auth)
        for _ in 0..<20 {
            if try await client.call(CampaignsRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone { break }
        }
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
    }
}
