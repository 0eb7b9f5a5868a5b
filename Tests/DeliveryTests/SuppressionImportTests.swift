import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Delivery

@Suite("Files of suppressions")
struct SuppressionImportTests {
    private static let csv: HTTPFields = [.contentType: "text/csv"]

    private func post(_ fixture: DeliveryFixture, _ file: String, query: String = "") async throws -> DeliveryFixture.Answer {
        try await fixture.ask(.post, "/api/v1/suppressions/import\(query)", file, as: .member, headers: Self.csv)
    }

    @Test("a file is taken in with its own columns, each fault by its line, and the same file again changes nothing")
    func columns() async throws {
        let fixture = try await DeliveryFixture.make()
        let file = #"""
            Name;E-Mail;Reason;Note;Expires_At
            Ada;Ada@X.example;legal;"a note; with ""quotes""";2099-01-31
            ;@dom.example;;;
            ;'@other.example;;;
            ;nobody;;;
            ;late@x.example;;;2001-01-01
            ;odd@x.example;because;;
            ;far@x.example;;;12026-01-01T00:00:00Z
            ;;;;

            ;bo@x.example;;;
            """#
        let answer = try await post(fixture, file)
        #expect(answer.status == 200, "\(answer.body)")
        #expect(answer.body.contains(#""rows":8"#) && answer.body.contains(#""added":4"#) && answer.body.contains(#""rejected":4"#), "\(answer.body)")
        for (line, code) in [(5, "invalid_address"), (6, "already_ended"), (7, "unknown_reason"), (8, "invalid_date")] {
            #expect(answer.body.contains(#""line":\#(line)"#) && answer.body.contains(code), "\(answer.body)")
        }
        let rows = try await fixture.database.query("select address, reason, note from suppressions order by address")
        #expect(try rows.map { try $0.decode("address", as: String.self) } == ["@dom.example", "@other.example", "ada@x.example", "bo@x.example"])
        #expect(try rows.map { try $0.decode("reason", as: String.self) } == ["import", "import", "legal", "import"])
        #expect(try rows[2].decode("note") == #"a note; with "quotes""#)
        let again = try await post(fixture, file)
        #expect(again.body.contains(#""added":0"#) && again.body.contains(#""known":4"#), "\(again.body)")
        #expect(try await fixture.told("delivery.suppressions.changed").count == 1)
    }

    @Test("a large file goes in by batches; one without names is addresses alone")
    func large() async throws {
        let fixture = try await DeliveryFixture.make()
        let file = (0..<2_345).map { "l\($0)@x.example\r\n" }.joined()
        let answer = try await post(fixture, file, query: "?workspace=\(fixture.workspace)&reason=hard_bounce")
        #expect(answer.body.contains(#""added":2345"#), "\(answer.body)")
        #expect(
            try await fixture.number("select count(*) as n from suppressions where workspace_id is not null and reason = 'hard_bounce'") == 2_345)
    }

    @Test("what was taken in before a fault of the database stays, and is known the next time")
    func brokenOff() async throws {
        let fixture = try await DeliveryFixture.make()
        let owner = Database(fixture.house.database.configuration(role: "postgres"), connections: 1)
        try await owner.query(
            "alter table delivery.suppressions add constraint no_l700 check (address is null or address <> 'l700@x.example')")
        let file = (0..<1_000).map { "l\($0)@x.example\n" }.joined()
        #expect(try await post(fixture, file).status >= 400)
        #expect(try await fixture.number("select count(*) as n from suppressions") == 500)
        #expect(try await fixture.told("delivery.suppressions.changed").count == 1)
        try await owner.query("alter table delivery.suppressions drop constraint no_l700")
        let answer = try await post(fixture, file)
        #expect(answer.body.contains(#""added":500"#) && answer.body.contains(#""known":500"#), "\(answer.body)")
    }

    @Test("the file that comes out goes in again, and no cell of it is a formula")
    func export() async throws {
        let fixture = try await DeliveryFixture.make()
        #expect(
            try await fixture.ask(
                .post, "/api/v1/suppressions",
                #"{"entries":[{"address":"ada@x.example","note":"=1+1, \"so\"","reason":"legal"},{"address":"@dom.example"},{"address":"+a@x.example"}]}"#
            ).status == 201)
        try await fixture.erase("gone@x.example", isOptedOut: true)
        let file = try await fixture.ask(.get, "/api/v1/suppressions/export", as: .member)
        #expect(file.status == 200 && file.headers[.contentType] == "text/csv; charset=utf-8")
        let lines = file.body.split(separator: "\r\n")
        #expect(lines.count == 4 && lines.allSatisfy { !"=+-@".contains($0.first ?? " ") }, "\(file.body)")
        let other = DeliveryFixture(house: fixture.house, service: fixture.service, mail: fixture.mail, rpc: fixture.rpc)
        let answer = try await post(other, file.body)
        #expect(answer.body.contains(#""added":3"#), "\(answer.body)")
        #expect(
            try await fixture.number(
                """
                select count(*) as n from suppressions
                where tenant_id = \(other.tenant) and address in ('ada@x.example', '@dom.example', '+a@x.example')
                """) == 3)
    }

    @Test("what is no file, and what says a workspace that is not ours, is refused")
    func refused() async throws {
        let fixture = try await DeliveryFixture.make()
        #expect(try await fixture.ask(.post, "/api/v1/suppressions/import", "a@x.example").status == 415)
        #expect(try await post(fixture, "a@x.example", query: "?workspace=none").status == 400)
        #expect(try await post(fixture, "a@x.example", query: "?reason=because").status == 400)
        #expect(try await fixture.ask(.post, "/api/v1/suppressions/import", "a@x.example", as: .viewer, headers: Self.csv).status == 403)
    }

    @Test("records come out the same however the bytes are cut", arguments: 1...20)
    func cuts(size: Int) {
        let text = "\u{FEFF}email;note\r\n\"a;b\"\"c\r\nd\";x\n\n\"open\"tail;\u{FC}\r\nlast"
        func read(_ size: Int) -> [SuppressionCSV.Record] {
            var csv = SuppressionCSV()
            var records: [SuppressionCSV.Record] = []
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                csv.read(bytes[start..<min(start + size, bytes.count)])
                records += csv.take()
            }
            csv.finish()
            return records + csv.take()
        }
        let whole = read(10_000)
        #expect(read(size) == whole)
        #expect(
            whole == [
                .fields(["email", "note"], line: 1), .fields(["a;b\"c\r\nd", "x"], line: 2), .fields(["opentail", "\u{FC}"], line: 5),
                .fields(["last"], line: 6),
            ])
    }

    @Test("a record without end costs no more than its own length, and what follows is read")
    func endless() {
        var csv = SuppressionCSV()
        csv.read("email\n".utf8)
        csv.read(Array(repeating: UInt8(ascii: "x"), count: 1_000_000))
        csv.read("\na@x.example\n\"".utf8)
        csv.read(Array(repeating: UInt8(ascii: "y"), count: 100_000))
        csv.read("\nb@x.example\n".utf8)
        csv.read([0xFF, 0x0A])
        csv.finish()
        #expect(
            csv.take() == [
                .fields(["email"], line: 1), .tooLong(line: 2), .fields(["a@x.example"], line: 3), .tooLong(line: 4),
                .fields(["b@x.example"], line: 5), .unreadable(line: 6),
            ])
    }
}
