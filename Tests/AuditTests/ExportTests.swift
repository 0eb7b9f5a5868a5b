import Contracts
import Crypto
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Audit

/// What a route answered.
struct AuditReply: Sendable {
    let status: Int
    let body: String

    /// A member of the answer's object, as text.
    func text(_ name: String) -> String {
        let object = (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any]
        return object?[name].map { "\($0)" } ?? ""
    }
}

extension AuditFixture {
    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, role: Role = .owner, isAnonymous: Bool = false
    ) async throws -> AuditReply {
        var headers: HTTPFields = isAnonymous ? [:] : try await house.identityHeader(tenant: tenant, role: role)
        if body != nil { headers[.contentType] = "application/json" }
        let fields = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: fields, body: body.map { ByteBuffer(string: $0) }) { response in
                AuditReply(status: response.status.code, body: String(buffer: response.body))
            }
        }
    }

    /// An answer that is an export, and whose.
    fileprivate func sent(_ path: String) async throws -> (export: String, body: String) {
        let headers = try await house.identityHeader(tenant: tenant, role: .owner)
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: .get, headers: headers) { response in
                (response.headers[.auditExport] ?? "", String(buffer: response.body))
            }
        }
    }

    fileprivate func fill(_ count: Int, action: String = "thing.do") async throws {
        for start in stride(from: 0, to: count, by: 250) {
            try await take(try (start..<min(start + 250, count)).map { try event(action, target: "t\($0)") })
        }
    }

    fileprivate var signer: CheckpointSigner {
        get throws { try CheckpointSigner(house: house.house) }
    }

    fileprivate func writer(batch: Int64 = 2_000) throws -> TrailExportWriter {
        TrailExportWriter(api: house.house.api, database: house.house.worker, signer: try signer, clock: house.clock.clock, batch: batch)
    }

    /// The leaves of all entries with this action, as the database has them.
    fileprivate func leaves(_ action: String = "thing.do") async throws -> [Data] {
        try await house.house.worker.query(
            "select leaf from trail_events where tenant_id = \(tenant) and action = \(action) order by seq"
        ).map { try $0.decode("leaf") }
    }

    /// Checks a file of lines as somebody does who has nothing but it and the public key: the facts of its manifest, nil when it is not genuine.
    fileprivate func verify(_ file: String) throws -> [String: String]? {
        guard let last = file.split(separator: "\n").last.map(String.init) else { return nil }
        let note = try JSONDecoder().decode([String: String].self, from: Data(last.utf8))["manifest"] ?? ""
        guard let facts = try verify(note: note) else { return nil }
        let content = Data(file.utf8).dropLast(last.utf8.count + 1)
        return facts["sha256"] == Data(SHA256.hash(data: content)).hexadecimal ? facts : nil
    }

    fileprivate func verify(note: String) throws -> [String: String]? {
        guard let gap = note.range(of: "\n\n") else { return nil }
        let text = String(note[..<gap.lowerBound]) + "\n"
        let parts = try signer.verifierKeys[0].split(separator: "+", maxSplits: 2).map(String.init)
        let key = try Curve25519.Signing.PublicKey(rawRepresentation: (Data(base64Encoded: parts[2]) ?? Data()).dropFirst())
        let line = note[gap.upperBound...].split(separator: " ").last.map { $0.trimmingCharacters(in: .newlines) } ?? ""
        let signature = (Data(base64Encoded: line) ?? Data()).dropFirst(4)
        guard key.isValidSignature(signature, for: Data(text.utf8)) else { return nil }
        return Dictionary(
            uniqueKeysWithValues: text.split(separator: "\n").dropFirst().map { line in
                let fact = line.split(separator: " ", maxSplits: 1).map(String.init)
                return (fact[0], fact.count > 1 ? fact[1] : "")
            })
    }
}

@Suite("The trail as files")
struct ExportTests {
    private static let jobs = "/api/v1/audit/exports"

    /// The leaf of each line but the manifest.
    private func leaves(of file: String) throws -> [Data] {
        struct Line: Decodable { let leaf: String }
        return try file.split(separator: "\n").dropLast().filter { !$0.hasPrefix("{\"gap\"") }.map { line in
            MerkleTree.leaf(Array(try JSONDecoder().decode(Line.self, from: Data(line.utf8)).leaf.utf8))
        }
    }

    private func begin(_ fixture: AuditFixture, format: String = "ndjson", filter: String = #"{"action":"thing.do"}"#) async throws -> AuditReply {
        try await fixture.ask(.post, Self.jobs, #"{"format":"\#(format)","filter":\#(filter)}"#)
    }

    @Test("a streamed file holds what the database has, re-hashes to the leaves, and its manifest proves it; a changed byte is found")
    func stream() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.fill(1_200)
        try await fixture.fill(30, action: "other.do")
        let answer = try await fixture.ask(.get, "/api/v1/audit/export?format=ndjson&action=thing.do")
        #expect(answer.status == 200, "\(answer.body.prefix(300))")
        let stored = try await fixture.leaves()
        #expect(stored.count == 1_200)
        #expect(try leaves(of: answer.body) == stored)
        let facts = try #require(try fixture.verify(answer.body))
        #expect(facts["count"] == "1200" && facts["first_seq"] == "1" && facts["last_seq"] == "1200" && facts["tenant"] == fixture.tenant.description)
        #expect(try fixture.verify(answer.body.replacing("thing.do", with: "thing.du", maxReplacements: 1)) == nil)
        let shorter = answer.body.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n"
        #expect(try fixture.verify(shorter) == nil)
    }

    @Test("a table has its columns whatever is in it, and no formula")
    func table() async throws {
        let fixture = try await AuditFixture.make()
        let columns = TrailExportFormat.columns.joined(separator: ",")
        #expect(try await fixture.ask(.get, "/api/v1/audit/export?action=no.such").body == columns + "\r\n")
        try await fixture.take([try fixture.event("a.one", actor: "=HYPERLINK(\"x\")"), try fixture.event("a.one", actor: "-1,2")])
        let file = try await fixture.ask(.get, "/api/v1/audit/export?format=csv&action=a.one").body
        let records = file.components(separatedBy: "\r\n").dropLast()
        #expect(records.count == 3 && records[0] == columns)
        #expect(records[1].contains(#","'=HYPERLINK(""x"")","#))
        #expect(records[2].contains(#","'-1,2","#))
    }

    @Test("each export is one entry of the trail, and reading the list of them is none")
    func auditedOnce() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.fill(3)
        _ = try await fixture.ask(.get, "/api/v1/audit/export")
        #expect(try await begin(fixture).status == 202)
        let writer = try fixture.writer()
        while try await writer.writeOnce() {}
        _ = try await fixture.ask(.get, Self.jobs)
        let acts = try await fixture.house.house.worker.query(
            "select actor_kind from trail_events where tenant_id = \(fixture.tenant) and action = 'audit.export'")
        #expect(acts.count == 2)
    }

    @Test("a job goes on where a crash left it, leaves out what came later, and its link is good once")
    func resume() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.fill(250)
        let stored = try await fixture.leaves()
        let begun = try await begin(fixture)
        #expect(begun.status == 202 && begun.text("status") == "queued", "\(begun.body)")
        let one = "\(Self.jobs)/\(begun.text("id"))"
        let export = try #require(TrailExportID(begun.text("id")))
        #expect(try await fixture.ask(.post, "\(one)/link").status == 409)
        let writer = try fixture.writer(batch: 100)
        #expect(try await writer.writeOnce())
        #expect(try await fixture.ask(.get, one).body.contains(#""progress":{"done":100,"of":250}"#))

        // A process that dies in the middle of a batch: its part and its place go with it.
        struct Crash: Error {}
        let (worker, tenant) = (fixture.house.house.worker, fixture.tenant)
        await #expect(throws: Crash.self) {
            try await worker.transaction { transaction in
                try await transaction.query("update trail_exports set scanned = 250, rows = 999 where tenant_id = \(tenant) and id = \(export)")
                // Whoever comes meanwhile leaves it alone.
                #expect(try await !writer.writeOnce())
                throw Crash()
            }
        }
        try await fixture.fill(40)
        while try await writer.writeOnce() {}
        let done = try await fixture.ask(.get, one)
        #expect(done.text("status") == "ready" && done.text("rows") == "250", "\(done.body)")

        let link = try await fixture.ask(.post, "\(one)/link")
        #expect(link.status == 201)
        let path = link.text("url").replacing("https://localhost:8443", with: "")
        // A look at the head leaves it unused.
        #expect(try await fixture.ask(.head, path, isAnonymous: true).status == 404)
        let file = try await fixture.ask(.get, path, isAnonymous: true)
        #expect(file.status == 200 && done.text("bytes") == "\(file.body.utf8.count)")
        #expect(try leaves(of: file.body) == stored)
        let facts = try #require(try fixture.verify(file.body))
        #expect(facts["count"] == "250" && facts["through"] == "250" && facts["export"] == export.description)
        #expect(try await fixture.ask(.get, path, isAnonymous: true).status == 404)

        let late = try await fixture.ask(.post, "\(one)/link")
        fixture.house.clock.advance(by: .seconds(600))
        let latePath = late.text("url").replacing("https://localhost:8443", with: "")
        #expect(try await fixture.ask(.get, latePath, isAnonymous: true).status == 404)
    }

    @Test("a table that was written in the background has its manifest beside it; an empty one is a file too")
    func manifests() async throws {
        let fixture = try await AuditFixture.make()
        let begun = try await begin(fixture, format: "csv")
        let one = "\(Self.jobs)/\(begun.text("id"))"
        #expect(try await fixture.ask(.get, "\(one)/manifest").status == 409)
        let writer = try fixture.writer()
        while try await writer.writeOnce() {}
        let facts = try #require(try fixture.verify(note: try await fixture.ask(.get, "\(one)/manifest").body))
        let head = TrailExportFormat.csv.head
        #expect(facts["count"] == "0" && facts["first_seq"] == "-")
        #expect(facts["sha256"] == Data(SHA256.hash(data: Data(head.utf8))).hexadecimal)
    }

    @Test("a file proves its place in the tree to whoever has nothing but it: entries, what is left out, and the root that was signed")
    func places() async throws {
        let fixture = try await AuditFixture.make()
        for round in 0..<6 {
            try await fixture.fill(300, action: round.isMultiple(of: 2) ? "other.do" : "thing.do")
            try await fixture.fill(1, action: "thing.do")
        }
        let streamed = try await fixture.ask(.get, "/api/v1/audit/export?format=ndjson&action=thing.do").body
        let sound = try await fixture.verify(file: streamed, format: .ndjson)
        #expect(sound.status == 0 && sound.said.contains("\"rows\": 906"), "\(sound.said)")
        #expect(streamed.contains("{\"gap\":[1,300]"))
        let begun = try await begin(fixture)
        let writer = try fixture.writer(batch: 170)
        while try await writer.writeOnce() {}
        let link = try await fixture.ask(.post, "\(Self.jobs)/\(begun.text("id"))/link")
        let written = try await fixture.ask(.get, link.text("url").replacing("https://localhost:8443", with: ""), isAnonymous: true).body
        let also = try await fixture.verify(file: written, format: .ndjson)
        #expect(also.status == 0 && also.said.contains("\"rows\": 906"), "\(also.said)")
        // A line that is left out with its gap lines joined is not what was signed, whatever is put in its place.
        let lines = written.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
        let without = lines.enumerated().filter { $0.offset != 5 }.map(\.element).joined(separator: "\n") + "\n"
        #expect(try await fixture.verify(file: without, format: .ndjson).status == 1)

        let empty = try await fixture.ask(.get, "/api/v1/audit/export?format=ndjson&action=no.such").body
        #expect(try await fixture.verify(file: empty, format: .ndjson).status == 0)
        let table = try await fixture.sent("/api/v1/audit/export?format=csv&action=thing.do")
        let manifest = try await fixture.ask(.get, "\(Self.jobs)/\(table.export)/manifest")
        #expect(manifest.status == 200)
        #expect(try await fixture.verify(file: table.body, format: .csv, manifest: manifest.body).status == 0)
        let altered = table.body.replacing("thing.do", with: "thing.du", maxReplacements: 1)
        #expect(try await fixture.verify(file: altered, format: .csv, manifest: manifest.body).status == 1)
        #expect(try await fixture.ask(.get, "\(Self.jobs)/\(table.export)").text("status") == "sent")
    }

    @Test(
        "nothing that was tampered with goes into a file: the job fails and names the entry, the answer breaks off",
        arguments: ["row", "leaf", "details", "tile of what is left out"])
    func tampered(attack: String) async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.fill(300, action: "other.do")
        try await fixture.fill(300)
        switch attack {
        case "row": try await fixture.tamper("update trail_events set outcome = 'denied' where seq = 342")
        case "leaf":
            let row = try await fixture.house.house.worker.query(
                "select \(TrailStore.columns) from \(TrailStore.source) where e.tenant_id = \(fixture.tenant) and e.seq = 342")[0]
            let leaf = try TrailStore.line(row).leaf.replacing("success", with: "denied")
            try await fixture.tamper(
                "update trail_events set outcome = 'denied', leaf = \(MerkleTree.leaf(Array(leaf.utf8))) where seq = 342")
        case "details":
            try await fixture.tamper(
                """
                update trail_details d set user_agent = 'X', salts = salts || '{"user_agent":"00112233445566778899aabbccddeeff"}'
                from trail_events e where e.id = d.id and e.seq = 342
                """)
        default:
            try await fixture.tamper(
                "update trail_tiles set hashes = set_byte(hashes, 256, 255 - get_byte(hashes, 256)) where tile = 0 and level = 0",
                "update trail_tiles set hashes = set_byte(hashes, 1, 255 - get_byte(hashes, 1)) where level = 1")
        }
        let begun = try await begin(fixture)
        let writer = try fixture.writer()
        _ = try? await writer.writeOnce()
        let failed = try await fixture.ask(.get, "\(Self.jobs)/\(begun.text("id"))")
        #expect(failed.text("status") == "failed")
        #expect(failed.text("failure").contains("penguin audit verify"), "\(failed.body)")
        if attack != "leaf", !attack.hasPrefix("tile") { #expect(failed.text("failure").contains("342")) }
        let broken = try? await fixture.ask(.get, "/api/v1/audit/export?format=ndjson&action=thing.do").body
        #expect(broken?.contains("manifest") != true)
    }

    @Test("files that nobody fetched are not heaped up")
    func heap() async throws {
        let fixture = try await AuditFixture.make()
        let writer = try fixture.writer()
        for _ in 0..<TrailExports.mostReady {
            #expect(try await begin(fixture).status == 202)
            while try await writer.writeOnce() {}
        }
        let refused = try await begin(fixture)
        #expect(refused.status == 422 && refused.body.contains("too_many_exports"))
    }

    @Test("a cancelled export is not written further, and a file whose week is over is gone")
    func endings() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.fill(250)
        let writer = try fixture.writer(batch: 100)
        let cancelled = try await begin(fixture).text("id")
        #expect(try await writer.writeOnce())
        #expect(try await fixture.ask(.delete, "\(Self.jobs)/\(cancelled)").status == 204)
        #expect(try await !writer.writeOnce())
        #expect(try await fixture.ask(.get, "\(Self.jobs)/\(cancelled)").text("status") == "cancelled")
        let kept = try await begin(fixture).text("id")
        while try await writer.writeOnce() {}
        fixture.house.clock.advance(by: .seconds(7 * 86_400))
        while try await writer.expireOnce() {}
        #expect(try await fixture.ask(.get, "\(Self.jobs)/\(kept)").text("status") == "expired")
        let parts = try await fixture.house.house.worker.query("select part from trail_export_parts where tenant_id = \(fixture.tenant)")
        #expect(parts.isEmpty)
    }

    @Test("nothing of a company's files is left when it is forgotten")
    func purge() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.fill(3)
        let written = try await begin(fixture).text("id")
        let writer = try fixture.writer()
        while try await writer.writeOnce() {}
        _ = try await fixture.ask(.post, "\(Self.jobs)/\(written)/link")
        #expect(try await begin(fixture).status == 202)
        let client = RPCClient.local(fixture.house.router(fixture.service), caller: .auth)
        try await eventually("all is forgotten") { try await client.call(AuditRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone }
        let rows = try await fixture.house.rows(of: fixture.tenant)
        #expect(rows.keys.filter { $0.hasPrefix("trail_export") }.isEmpty)
        #expect(rows["trail_events"] == 5)
    }

    @Test(
        "members take nothing away, and a filter that is wrong names itself",
        arguments: [
            (#"{"format":"xml"}"#, "format"), (#"{"format":"csv","filter":{"outcome":"maybe"}}"#, "outcome"),
            (#"{"format":"csv","filter":{"q":"nofield:x"}}"#, "q"), (#"{"format":"csv","filter":{"actor":""}}"#, "actor"),
        ])
    func refusals(body: String, field: String) async throws {
        let fixture = try await AuditFixture.make()
        #expect(try await fixture.ask(.post, Self.jobs, body, role: .member).status == 403)
        #expect(try await fixture.ask(.get, "/api/v1/audit/export", role: .member).status == 403)
        let answer = try await fixture.ask(.post, Self.jobs, body)
        #expect(answer.status == 400 && answer.body.contains("\"field\":\"\(field)\""), "\(answer.body)")
        #expect(try await fixture.ask(.get, "/api/v1/audit/downloads/nonsense", isAnonymous: true).status == 404)
    }
}
