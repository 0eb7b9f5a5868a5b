import Foundation
import Testing

@testable import Campaigns

@Suite("Reading CSV")
struct CSVParserTests {
    static func parse(_ bytes: [UInt8], pieces: Int = .max) -> [CSVRecord] {
        var parser = CSVParser()
        var records: [CSVRecord] = []
        var index = 0
        while index < bytes.count {
            let end = min(bytes.count, index + max(1, pieces == .max ? bytes.count : pieces))
            records += parser.read(bytes[index..<end])
            index = end
        }
        return records + [parser.finish()].compactMap { $0 }
    }

    @Test(
        "quotes, line ends and ragged rows",
        arguments: [
            ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]), ("a,b\r\n1,2", [["a", "b"], ["1", "2"]]), ("a\rb\r", [["a"], ["b"]]),
            ("\"x,\"\"y\"\"\",z\n", [["x,\"y\"", "z"]]), ("\"two\nlines\",b\n", [["two\nlines", "b"]]), ("a,\n,b\n", [["a", ""], ["", "b"]]),
            ("\n\na\n\n", [["a"]]), ("\u{FEFF}email\nx", [["email"], ["x"]]), ("", []), ("a,b,c\n1\n", [["a", "b", "c"], ["1"]]),
            ("\"\"\n", [[""]]), ("\"a\r\nb\"\r\nc\r\n", [["a\r\nb"], ["c"]]),
        ])
    func shapes(text: String, expected: [[String]]) {
        let records = Self.parse(Array(text.utf8))
        #expect(records.map(\.content) == expected.map { .fields($0) })
    }

    @Test("however the bytes are cut, the records are the same")
    func pieces() {
        let bytes = Array("\u{FEFF}email,name\r\n\"a@x.org\",\"Ä \"\"b\"\"\r\nc\"\r\n\r\nd@x.org,é\n\"open".utf8) + [0xFF, 0x0A, 0x00]
        let whole = Self.parse(bytes)
        for size in 1...bytes.count { #expect(Self.parse(bytes, pieces: size) == whole) }
    }

    @Test("what cannot be read is said with its line, and the next record is read")
    func unreadable() {
        let bad: [UInt8] = Array("h\nok\n".utf8) + [0xC3, 0x28, 0x0A] + Array("a\0b\nfine\n".utf8)
        #expect(
            Self.parse(bad) == [
                CSVRecord(line: 1, content: .fields(["h"])), CSVRecord(line: 2, content: .fields(["ok"])),
                CSVRecord(line: 3, content: .unreadable(.invalidEncoding)), CSVRecord(line: 4, content: .unreadable(.nulCharacter)),
                CSVRecord(line: 5, content: .fields(["fine"])),
            ])
        let long = Array("h\n".utf8) + [UInt8](repeating: 0x61, count: CSVParser.maximumRecord + 10) + Array("\nfine\n".utf8)
        #expect(Self.parse(long).map(\.content) == [.fields(["h"]), .unreadable(.recordTooLong), .fields(["fine"])])
        #expect(Self.parse(Array("h\n\"never closed\nx".utf8)).last?.content == .unreadable(.unclosedQuote))
    }

    @Test("lines are counted through quoted line ends")
    func lines() {
        #expect(Self.parse(Array("h\n\"a\nb\nc\"\nd\n".utf8)).map(\.line) == [1, 2, 5])
    }

    @Test("the header says what a column is, in several languages")
    func mapping() {
        let mapping = ColumnMapping(header: ["E-Mail", "Vorname", "Last Name", "Firma", "Favourite Fish", "", "email"])
        #expect(
            mapping?.targets == [
                .email, .firstName, .lastName, .company, .custom("favourite_fish"), .custom("column_6"), .custom("email"),
            ])
        #expect(ColumnMapping(header: ["name", "city"]) == nil)
    }

    @Test(
        "rows that are no leads say why",
        arguments: [
            (["", "Ada"], "email_missing"), (["not an address", "Ada"], "email_invalid"), (["a@x.org", "Ada", "more"], "too_many_columns"),
            (["a@x.org", String(repeating: "x", count: 1_001)], "value_too_long"), (["a@x.org\r\nBcc: b@x.org", "Ada"], "email_invalid"),
        ])
    func rejections(fields: [String], reason: String) throws {
        let mapping = try #require(ColumnMapping(header: ["email", "first_name"]))
        let rejection = #expect(throws: LeadRow.Rejection.self) { try LeadRow(line: 2, fields: fields, mapping: mapping) }
        #expect(rejection?.reason == reason)
    }
}

@Suite("Templates")
struct TemplateTests {
    private static let lead = Lead(
        id: .init(UUID()), email: "ada@x.org", firstName: "Ada <b>", lastName: nil, company: nil, custom: ["city": .text("Århus")], createdAt: Date())

    @Test(
        "variables, fallbacks and custom fields",
        arguments: [
            ("Hi {{first_name}}", "Hi Ada <b>"), ("{{ last_name | there }}", "there"), ("{{last_name|\"dear friend\"}}!", "dear friend!"),
            ("{{last_name}}.", "."), ("{{city}} {{custom.city}}", "Århus Århus"), ("{{unsubscribe_url}}", "{{unsubscribe_url}}"),
            ("no {single} braces }}", "no {single} braces }}"), ("{{last_name|}}", ""),
        ])
    func rendering(source: String, expected: String) throws {
        let template = try MailTemplate(subject: "s", text: source, html: nil)
        #expect(template.render(for: Self.lead, postalAddress: nil).text == expected)
    }

    @Test("values are escaped in HTML, the template's own HTML is not")
    func escaping() throws {
        let template = try MailTemplate(subject: "s", text: "t", html: "<p>{{first_name}}</p>")
        #expect(template.render(for: Self.lead, postalAddress: nil).html == "<p>Ada &lt;b&gt;</p>")
    }

    @Test("a lead's name cannot add a header to the subject")
    func subject() throws {
        let lead = Lead(
            id: .init(UUID()), email: "a@x.org", firstName: "Eve\r\nBcc: all@x.org\0", lastName: nil, company: nil, custom: [:], createdAt: Date())
        let subject = try MailTemplate(subject: "Hi {{first_name}}", text: "t", html: nil).render(for: lead, postalAddress: nil).subject
        #expect(subject == "Hi Eve Bcc: all@x.org")
    }

    @Test("what is not closed or not a name is an error with its place", arguments: [("Hi {{first_name", 3), ("{{}}", 0), ("ab{{a b}}", 2)])
    func errors(source: String, position: Int) {
        let error = #expect(throws: MailText.SyntaxError.self) { try MailText(source) }
        #expect(error?.position == position)
    }

    @Test("unknown names are warned of, and the way out is looked for in every form of the mail")
    func checks() throws {
        let template = try MailTemplate(subject: "{{fist_name}}", text: "{{unsubscribe_url}}", html: "<p></p>")
        #expect(template.unknownVariables == ["fist_name"])
        #expect(!template.hasUnsubscribeLink)
        #expect(try MailTemplate(subject: "s", text: "{{unsubscribe_url}}", html: nil).hasUnsubscribeLink)
    }
}
