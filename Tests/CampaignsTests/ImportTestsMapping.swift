import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Campaigns

@Suite("Mapping and previewing files of leads")
struct ImportMappingTests {
    @Test("the caller says which column is what, by header or by number; what is not named is left out")
    func given() async throws {
        let fixture = try await CampaignsFixture.make()
        let mapping = escaped(#"{"Kontakt":"email","0":"first_name","Ort":"custom.city","Zone":"time_zone"}"#)
        let run = try await fixture.upload("Wer;Kontakt;Ort;Zone;Rest\nAda;ada@x.org;Oslo;Europe/Oslo;x\n", "&mapping=\(mapping)")
        #expect(numbers(run, "created", "rejected") == [1, 0])
        let ada = try #require(try await fixture.leads()["ada@x.org"])
        #expect(ada.firstName == "Ada" && ada.custom == #"{"city": "Oslo"}"# && ada.timeZone == "Europe/Oslo")
    }

    @Test(
        "a mapping that cannot be used is refused and names the column, and nothing is written",
        arguments: [
            (#"{"email":"mail"}"#, "email"), (#"{"nobody":"email"}"#, "nobody"), (#"{"email":"email","9":"company"}"#, "9"),
            (#"{"email":"email","name":"email"}"#, "name"), (#"{"email":"email","0":"skip"}"#, "email"), (#"{"name":"first_name"}"#, nil),
            (#"{"email":"email","name":"custom."}"#, "name"), ("[1]", nil), ("{", nil),
        ] as [(String, String?)])
    func refused(mapping: String, column: String?) async throws {
        let fixture = try await CampaignsFixture.make()
        let answer = try await fixture.upload("email,name\nada@x.org,Ada\n", "&mapping=\(escaped(mapping))")
        #expect(answer.status == 422 && answer.text("type") == "/problems/import_mapping_invalid", "\(answer.body)")
        #expect(answer.member("column") as? String == column)
        #expect(try await fixture.leads().isEmpty)
    }

    @Test("fields of the company's own are found by key or name, and hold what their kind says")
    func typed() async throws {
        let fixture = try await CampaignsFixture.make()
        try await fixture.makeField("size", name: "Shoe Size", kind: "number")
        try await fixture.makeField("born", name: "Birthday", kind: "date")
        try await fixture.makeField("vip", name: "VIP", kind: "boolean")
        try await fixture.makeField("colour", name: "Colour", kind: "choice", choices: ["Red", "Blue"])
        let run = try await fixture.upload(
            """
            email,Shoe size,birthday,vip,COLOUR,Free
            ada@x.org,38.5,31.12.1990,yes,red,anything
            bo@x.org,large,,,,
            cy@x.org,,,,green,
            """)
        #expect(numbers(run, "created", "rejected") == [1, 2])
        let custom = try #require(try await fixture.leads()["ada@x.org"]).custom
        #expect(custom == #"{"vip": true, "born": "1990-12-31", "free": "anything", "size": 38.5, "colour": "Red"}"#)
        let errors = try await fixture.send(.get, "/api/v1/imports/\(run.text("id"))/errors").body
        #expect(errors.contains(#""field":"size","line":3,"reason":"custom_value_invalid","value":"large""#))
        #expect(errors.contains(#""field":"colour","line":4,"reason":"custom_value_invalid","value":"green""#))
    }

    @Test("a file without a header is taken from its first line on, and tabs are welcome")
    func bare() async throws {
        let fixture = try await CampaignsFixture.make()
        let run = try await fixture.upload(Array("Ada\tada@x.org\nBo\tbo@x.org\n".utf8), contentType: "text/tab-separated-values")
        #expect(numbers(run, "rows", "created") == [2, 2])
        #expect(run.member("has_header") as? Bool == false)
        #expect(try await fixture.leads()["ada@x.org"]?.custom == #"{"column_1": "Ada"}"#)
    }

    @Test("a preview says how the file would be read, shows five rows and the errors among the first, and writes nothing")
    func preview() async throws {
        let fixture = try await CampaignsFixture.make()
        try await fixture.makeField("size", name: "Size", kind: "number")
        let rows = (0..<8).map { "a\($0)@x.org;Ä\($0);\($0 == 2 ? "big" : "1")" }.joined(separator: "\n")
        let bytes = ImportReadingTests.encode("E-Mail;Vorname;Size\n\(rows)", "windows-1252")
        let answer = try await fixture.upload(bytes, path: "imports/preview")
        #expect(answer.status == 200)
        #expect(answer.text("encoding") == "windows-1252" && answer.text("delimiter") == ";")
        #expect(answer.member("has_header") as? Bool == true)
        let columns = try #require(answer.member("columns") as? [[String: Any]])
        #expect(columns.map { $0["target"] as? String } == ["email", "first_name", "custom.size"])
        #expect(columns.map { $0["header"] as? String } == ["E-Mail", "Vorname", "Size"])
        #expect((answer.member("rows") as? [[String]])?.count == 5)
        #expect((answer.member("rows") as? [[String]])?.first == ["a0@x.org", "Ä0", "1"])
        let errors = try #require(answer.member("errors") as? [[String: Any]])
        #expect(errors.map { $0["reason"] as? String } == ["custom_value_invalid"])
        #expect(try await fixture.leads().isEmpty)
    }

    @Test("a preview looks at the beginning of a large file, and not at the row that its cut goes through")
    func largePreview() async throws {
        let fixture = try await CampaignsFixture.make()
        let row = "someone.with.a.name@example.org,\(String(repeating: "x", count: 900))\n"
        let answer = try await fixture.upload("email,note\n" + String(repeating: row, count: 2_000), path: "imports/preview")
        #expect(answer.status == 200)
        #expect((answer.member("errors") as? [[String: Any]])?.isEmpty == true)
        #expect(try await fixture.upload("", path: "imports/preview").text("type") == "/problems/import_empty")
    }

    @Test("a file without addresses can be previewed, so that the caller can say which column they are in")
    func previewWithoutAddresses() async throws {
        let fixture = try await CampaignsFixture.make()
        let answer = try await fixture.upload("name,city\nAda,Oslo\n", path: "imports/preview")
        let columns = try #require(answer.member("columns") as? [[String: Any]])
        #expect(columns.map { $0["target"] as? String } == ["custom.name", "custom.city"])
    }
}
