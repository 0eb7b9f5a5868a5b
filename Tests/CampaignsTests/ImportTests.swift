import Contracts
import Foundation
import HTTP
import NIOCore
import Postgres
import TestSupport
import Testing

@testable import Campaigns

@Suite("Imports")
struct ImportTests {
    @Test("a nasty file: good rows land, bad ones are told with line and reason, the parts sum up")
    func nasty() async throws {
        let fixture = try await CampaignsFixture.make()
        let csv = """
            Email,First Name,Company,Shoe Size
            ada@x.org,Ada,"Penguins, Inc.",38
            ADA@x.org,Again,,
            ,Nobody,,
            no address,X,,
            "bo@x.org","Bo ""the"" Bear","Two
            lines"
            eve@x.org,Eve,Co,39,too,many
            """
        let run = try await fixture.upload(csv)
        #expect(run.status == 201)
        #expect(run.text("status") == "completed")
        #expect(numbers(run, "rows", "created", "updated", "duplicates", "rejected") == [6, 2, 0, 1, 3])
        let errors = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))/errors")
        for expected in [
            #""line":4,"reason":"email_missing""#, #""reason":"email_invalid","value":"no address""#, #""line":8,"reason":"too_many_columns""#,
        ] {
            #expect(errors.body.contains(expected), "\(errors.body)")
        }
        let leads = try await fixture.leads()
        #expect(leads.keys.sorted() == ["ada@x.org", "bo@x.org"])
        #expect(leads["ada@x.org"]?.custom == #"{"shoe_size": "38"}"#)
        #expect(leads["bo@x.org"]?.firstName == #"Bo "the" Bear"#)
    }

    @Test("a row of broken bytes, one of ten megabytes and one with a NUL are left out, and the rest lands")
    func broken() async throws {
        let fixture = try await CampaignsFixture.make()
        var bytes = Array("email,first_name\nåsa@x.org,Åsa\né@x.org,É\nada@x.org,Ada\n".utf8)
        bytes += Array("x@x.org,".utf8) + [0xFF] + Array("\ny@x.org,a\0b\nz@x.org,".utf8)
        bytes += [UInt8](repeating: 0x61, count: 10_000_000) + Array("\nbo@x.org\n".utf8)
        let run = try await fixture.upload(bytes)
        #expect(numbers(run, "rows", "created", "rejected") == [7, 2, 5])
        let reasons = try #require(run.member("rejected_by_reason") as? [String: Int])
        #expect(reasons.values.reduce(0, +) == 5 && reasons.count > 1, "\(reasons)")
        let stored = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))")
        #expect(stored.member("rejected_by_reason") as? [String: Int] == reasons && stored.member("header") is [String])
        // Long as headers may be, a list leaves them out.
        let list = try await fixture.send(.get, "/api/v1/imports?workspace=\(fixture.peers.workspace)")
        #expect(!list.body.contains(#""header""#) && list.body.contains("rejected_by_reason"))
        let errors = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))/errors")
        for reason in ["invalid_encoding", "nul_character", "record_too_long", "email_invalid"] { #expect(errors.body.contains(reason)) }
        #expect(try await fixture.leads().keys.sorted() == ["ada@x.org", "bo@x.org"])
    }

    @Test("known addresses keep their values or take new ones, as was asked; either way they are attached to workspace, list and tags")
    func duplicates() async throws {
        let fixture = try await CampaignsFixture.make()
        let (list, other) = (try await fixture.makeList(), WorkspaceID(UUID()))
        _ = try await fixture.upload("email,first_name,city\nada@x.org,Ada,Oslo\n", workspace: other)
        let query = "&list=\(list)&tags=" + escaped("hot, fair")
        let skipped = try await fixture.upload("email,first_name,tags\nada@x.org,Other,\"own;hot\"\nnew@x.org,New,\n", query + "&duplicates=skip")
        #expect(numbers(skipped, "created", "duplicates", "updated") == [1, 1, 0])
        var ada = try #require(try await fixture.leads()["ada@x.org"])
        #expect(ada.firstName == "Ada" && ada.tags.sorted() == ["fair", "hot", "own"] && ada.revision == 2)
        let members = try await fixture.members(of: list)
        #expect(members.emails == ["ada@x.org", "new@x.org"] && members.count == 2)
        #expect(try await fixture.members(of: fixture.peers.workspace).sorted() == ["ada@x.org", "new@x.org"])
        let updated = try await fixture.upload("email,first_name,shoe\nada@x.org,Ada B,38\nnew@x.org,,\n", "&duplicates=update")
        #expect(numbers(updated, "created", "updated", "duplicates") == [0, 1, 1])
        ada = try #require(try await fixture.leads()["ada@x.org"])
        #expect(ada.firstName == "Ada B" && ada.custom.contains("Oslo") && ada.custom.contains("38") && ada.revision == 3)
        // An empty value replaces nothing, and what does not change is no change.
        let new = try #require(try await fixture.leads()["new@x.org"])
        #expect(new.firstName == "New" && new.revision == 1)
    }

    @Test("what a repeated address says is the same within a batch and across batches", arguments: [10, ImportBatch.rows])
    func repeated(between: Int) async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.upload("email,first_name,city\nold@x.org,Old,Oslo\n")
        let others = (0..<between).map { "l\($0)@x.org" }.joined(separator: "\n")
        let run = try await fixture.upload(
            "email,first_name,city,size,tags\nnew@x.org,One,Rome,1,a\nold@x.org,Two,,,\n\(others)\nnew@x.org,Two,Bonn,,b\nold@x.org,Three,,2,\n",
            "&duplicates=update")
        #expect(numbers(run, "created", "updated", "duplicates") == [between + 1, 1, 2])
        let leads = try await fixture.leads()
        let (new, old) = (try #require(leads["new@x.org"]), try #require(leads["old@x.org"]))
        #expect(new.firstName == "Two" && new.custom == #"{"city": "Bonn", "size": "1"}"# && new.tags == ["a", "b"])
        #expect(old.firstName == "Three" && old.custom == #"{"city": "Oslo", "size": "2"}"#)
    }

    @Test("leads that stand only where a limited member may not look are duplicates, and nothing of them changes")
    func limited() async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.upload("email,first_name\nada@x.org,Ada\n", workspace: WorkspaceID(UUID()))
        let workspace = fixture.peers.workspace
        let member = Identity(
            tenant: fixture.tenant, user: UserID(UUID()), name: "M", role: .member, isVerified: true, workspaces: [workspace],
            session: SessionID(UUID()))
        let (body, pieces) = AsyncStream.makeStream(of: ByteBuffer.self)
        pieces.yield(ByteBuffer(string: "email,first_name\nada@x.org,Eve\nbo@x.org,Bo\n"))
        pieces.finish()
        let run = try await fixture.importer.run(
            .init(workspace: workspace, fileName: "f.csv", duplicates: .update, list: nil, tags: ["mine"]), body: body, by: member,
            audit: { AuditRecord(action: $0, targets: [$1]) })
        #expect([run.created, run.updated, run.duplicates] == [1, 0, 1])
        let ada = try #require(try await fixture.leads()["ada@x.org"])
        #expect(ada.firstName == "Ada" && ada.tags == [] && ada.revision == 1)
        #expect(try await fixture.members(of: workspace) == ["bo@x.org"])
    }

    @Test("create_only leaves known leads wholly alone")
    func createOnly() async throws {
        let fixture = try await CampaignsFixture.make()
        let (list, other) = (try await fixture.makeList(), WorkspaceID(UUID()))
        _ = try await fixture.upload("email,first_name\nada@x.org,Ada\n", workspace: other)
        let run = try await fixture.upload("email,first_name\nada@x.org,X\nbo@x.org,Bo\n", "&duplicates=create_only&tags=hot&list=\(list)")
        #expect(numbers(run, "created", "duplicates") == [1, 1])
        let leads = try await fixture.leads()
        #expect(leads["ada@x.org"]?.tags == [] && leads["ada@x.org"]?.revision == 1 && leads["bo@x.org"]?.tags == ["hot"])
        let members = try await fixture.members(of: list)
        #expect(members.emails == ["bo@x.org"] && members.count == 1)
        #expect(try await fixture.members(of: fixture.peers.workspace).sorted() == ["bo@x.org"])
    }

    @Test("an opt-out outlives every import, and a suppressed address begins as one")
    func optOuts() async throws {
        let fixture = try await CampaignsFixture.make()
        fixture.peers.state.withLock { $0.suppressed = ["bad@x.org"] }
        _ = try await fixture.upload("email\nbad@x.org\nada@x.org\n")
        #expect(try await fixture.leads().mapValues(\.status) == ["bad@x.org": "suppressed", "ada@x.org": "active"])
        try await fixture.house.house.worker.query(
            "update leads set status = 'unsubscribed' where tenant_id = \(fixture.tenant) and email = 'ada@x.org'")
        fixture.peers.state.withLock { $0.suppressed = [] }
        _ = try await fixture.upload("email,first_name,status\nada@x.org,Ada,active\nbad@x.org,Bad,active\n", "&duplicates=update")
        let leads = try await fixture.leads()
        #expect(leads.mapValues(\.status) == ["bad@x.org": "suppressed", "ada@x.org": "unsubscribed"])
        #expect(leads["ada@x.org"]?.firstName == "Ada")
    }

    @Test("while Delivery does not answer, leads are taken in all the same")
    func silentDelivery() async throws {
        let fixture = try await CampaignsFixture.make()
        fixture.peers.lose("suppressed", times: 100)
        let run = try await fixture.upload("email\nada@x.org\n")
        #expect(numbers(run, "created", "rejected") == [1, 0])
    }

    @Test("many batches, and the plan's limit of leads is held")
    func limit() async throws {
        let fixture = try await CampaignsFixture.make()
        fixture.peers.state.withLock { $0.leadLimit = 1_500 }
        let rows = (0..<4_100).map { "l\($0)@x.org" }.joined(separator: "\n")
        let run = try await fixture.upload("email\n\(rows)")
        #expect(numbers(run, "rows", "created", "rejected") == [4_100, 1_500, 2_600])
        let page = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))/errors?limit=1")
        #expect(page.body.contains("lead_limit_reached"))
        // A full list can still be corrected: known addresses need no room.
        let named = (0..<4_100).map { "l\($0)@x.org,N" }.joined(separator: "\n")
        let again = try await fixture.upload("email,first_name\n\(named)", "&duplicates=update")
        #expect(numbers(again, "created", "updated", "rejected") == [0, 1_500, 2_600])
    }

    @Test("the limit holds for two imports at once, also of the same addresses")
    func limitUnderConcurrency() async throws {
        let fixture = try await CampaignsFixture.make()
        fixture.peers.state.withLock { $0.leadLimit = 7_000 }
        let first = "email\n" + (0..<6_000).map { "a\($0)@x.org" }.joined(separator: "\n")
        let second = "email\n" + (3_000..<9_000).reversed().map { "a\($0)@x.org" }.joined(separator: "\n")
        async let one = fixture.upload(first)
        async let two = fixture.upload(second)
        let runs = try await [one, two]
        #expect(runs.map { $0.text("status") } == ["completed", "completed"])
        #expect(runs.map { $0.number("created") }.reduce(0, +) == 7_000)
        #expect(try await fixture.leads().count == 7_000)
        #expect(try await fixture.leadCount() == 7_000)
        for run in runs { #expect(numbers(run, "created", "duplicates", "rejected").reduce(0, +) == 6_000) }
    }

    @Test(
        "files that are none say so",
        arguments: [("", "import_empty"), ("name,city\nAda,Oslo\n", "import_no_email_column"), ("\n\n", "import_empty")])
    func refused(csv: String, kind: String) async throws {
        let fixture = try await CampaignsFixture.make()
        let answer = try await fixture.upload(csv)
        #expect(answer.status == 422)
        #expect(answer.text("type") == "/problems/\(kind)")
        #expect(try await fixture.send(.get, "/api/v1/imports?workspace=\(fixture.peers.workspace)").body.contains(#""data":[]"#))
    }

    @Test("another content type is a 415, a viewer a 403, a list that is not there a 422, a known identifier a 409")
    func wrongCallers() async throws {
        let fixture = try await CampaignsFixture.make()
        let path = "/api/v1/imports?workspace=\(fixture.peers.workspace)"
        #expect(try await fixture.send(.post, path, "{}").status == 415)
        #expect(try await fixture.send(.post, path, "email\n", contentType: "text/csv", role: .viewer).status == 403)
        #expect(try await fixture.upload("email\n", "&list=\(UUID())").text("type") == "/problems/list_not_found")
        let id = ImportID(UUID())
        #expect(try await fixture.upload("email\na@x.org\n", "&id=\(id)").text("id") == id.description)
        let again = try await fixture.upload("email\nb@x.org\n", "&id=\(id)")
        #expect(again.status == 409 && again.text("type") == "/problems/import_exists")
        #expect(try await fixture.leads().count == 1)
    }

    @Test("the history is newest first, page by page, and knows how each file was read")
    func history() async throws {
        let fixture = try await CampaignsFixture.make()
        for number in 0..<3 {
            _ = try await fixture.upload("email;name\na\(number)@x.org;x\n", "&file_name=f\(number)")
            fixture.house.clock.advance(by: .seconds(1))
        }
        let path = "/api/v1/imports?workspace=\(fixture.peers.workspace)&limit=2"
        let first = try await fixture.send(.get, path)
        let page = try #require(first.member("page") as? [String: Any])
        let cursor = try #require(page["next"] as? String)
        let second = try await fixture.send(.get, path + "&cursor=" + cursor)
        func names(_ answer: CampaignsFixture.Answer) -> [String] {
            (answer.member("data") as? [[String: Any]] ?? []).compactMap { $0["file_name"] as? String }
        }
        #expect(names(first) == ["f2", "f1"] && names(second) == ["f0"])
        #expect(first.body.contains(#""delimiter":";""#) && first.body.contains(#""encoding":"utf-8""#))
    }
}
