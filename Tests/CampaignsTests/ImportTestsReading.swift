import Contracts
import Foundation
import TestSupport
import Testing

@testable import Campaigns

@Suite("Reading files of leads")
struct ImportReadingTests {
    private static func read(_ bytes: [UInt8], pieces: Int = .max, isTabbed: Bool = false) -> (records: [CSVParserTests.Read], reader: ImportReader) {
        var reader = ImportReader(isTabbed: isTabbed)
        var records: [CSVRecord] = []
        bytes.withUnsafeBufferPointer { whole in
            var index = 0
            while index < whole.count {
                let end = index + min(pieces, whole.count - index)
                records += reader.read(UnsafeBufferPointer(rebasing: whole[index..<end]))
                index = end
            }
        }
        records += reader.finish()
        return (records.map { CSVParserTests.Read($0) }, reader)
    }

    private static func utf16(_ text: String, isLittle: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let (low, high) = (UInt8(unit & 0xFF), UInt8(unit >> 8))
            return isLittle ? [low, high] : [high, low]
        }
    }

    /// `text` in an encoding; Windows-1252 knows the two characters that the tests use.
    static func encode(_ text: String, _ name: String) -> [UInt8] {
        switch name {
        case "utf-8 with mark": [0xEF, 0xBB, 0xBF] + Array(text.utf8)
        case "utf-16le": utf16(text, isLittle: true)
        case "utf-16le with mark": [0xFF, 0xFE] + utf16(text, isLittle: true)
        case "utf-16be": utf16(text, isLittle: false)
        case "utf-16be with mark": [0xFE, 0xFF] + utf16(text, isLittle: false)
        case "windows-1252": text.unicodeScalars.map { $0 == "€" ? 0x80 : UInt8($0.value) }
        default: Array(text.utf8)
        }
    }

    @Test(
        "every encoding is found out, and wherever the bytes are cut the records are the same",
        arguments: ["utf-8", "utf-8 with mark", "utf-16le", "utf-16le with mark", "utf-16be", "utf-16be with mark", "windows-1252"])
    func encodings(name: String) {
        let extra = name == "windows-1252" ? "é" : "𝕏"
        let bytes = Self.encode("E-Mail;Vorname;Notiz\r\nada@x.org;Åsa €;\"zwei; \"\"drei\"\"\nZeilen\"\r\nbo@x.org;\(extra);|\r\n", name)
        let expected = [
            CSVParserTests.Read(1, ["E-Mail", "Vorname", "Notiz"]), CSVParserTests.Read(2, ["ada@x.org", "Åsa €", "zwei; \"drei\"\nZeilen"]),
            CSVParserTests.Read(4, ["bo@x.org", extra, "|"]),
        ]
        for size in 1...bytes.count {
            let (records, reader) = Self.read(bytes, pieces: size)
            #expect(records == expected)
            #expect(reader.encoding?.rawValue == name.replacing(" with mark", with: ""))
        }
    }

    @Test("after the first 64 KiB the encoding stands, and pieces of it are decoded across cuts", arguments: ["utf-16le", "windows-1252", "utf-8"])
    func longFiles(name: String) {
        let text = "email,näme\n" + (0..<9_000).map { "a\($0)@x.org,Ä\($0)" }.joined(separator: "\n")
        let bytes = Self.encode(text, name)
        for size in [1_021, 65_537, .max] {
            let records = Self.read(bytes, pieces: size).records
            #expect(records.count == 9_001)
            #expect(records.last?.fields == ["a8999@x.org", "Ä8999"])
            #expect(records.allSatisfy { $0.problem == nil })
        }
    }

    @Test("Windows-1252 that begins late is read as such, unless the file has shown that it is UTF-8 or the sender said what it is")
    func lateWindows1252() {
        let plain = "email,name\n" + (0..<9_000).map { "a\($0)@x.org,Name \($0)" }.joined(separator: "\n") + "\n"
        let late = Array(plain.utf8) + Self.encode("z@x.org,Zoë\n", "windows-1252")
        #expect(Self.read(late).records.last == CSVParserTests.Read(9_002, ["z@x.org", "Zoë"]))
        let mixed = Array((plain + "y@x.org,Yoë\n").utf8) + Self.encode("z@x.org,Zoë\n", "windows-1252")
        #expect(Self.read(mixed).records.last?.problem == .invalidEncoding)
        var reader = ImportReader(encoding: .utf8)
        let records = Array(late.withUnsafeBufferPointer { reader.read($0) }) + Array(reader.finish())
        #expect(records.last?.problem == .invalidEncoding)
    }

    @Test("half a surrogate pair and an odd last byte break their row, and no other")
    func brokenUTF16() {
        var bytes = Self.encode("email,name\na@x.org,", "utf-16le with mark")
        bytes += [0x00, 0xD8] + Self.encode("\nb@x.org,B\nc@x.org,", "utf-16le") + [0x41]
        #expect(Self.read(bytes).records.map(\.problem) == [nil, .invalidEncoding, nil, .invalidEncoding])
    }

    @Test(
        "what divides the fields is found out, through quotes and text that holds the others",
        arguments: [
            ("a,b\n1,2\n", ","), ("a;b\n\"x;,\",2\n", ";"), ("a\tb\n1,5\t2,5\n", "\t"), ("a|b\n1|2\n", "|"), ("email\na@x.org\n", ","),
            ("name;notes\nA;one, two, three\nB;four, five\n", ";"), ("\"a;b;c\",d\n1,2\n", ","), ("", ","),
        ])
    func delimiters(text: String, expected: String) {
        #expect(Delimiter.detect(Array(text.utf8)) == expected.utf8.first)
    }

    @Test("a sender who says tabs gets tabs")
    func tabs() {
        #expect(Self.read(Array("a,b,c\t1\nx,y,z\t2\n".utf8), isTabbed: true).records.map(\.fields) == [["a,b,c", "1"], ["x,y,z", "2"]])
    }

    @Test("the header says what a column is, in several languages")
    func headers() {
        let mapping = ColumnMapping(
            sample: [["E-Mail", "Vorname", "Last Name", "Firma", "Fuseau horaire", "Favourite Fish", "", "email", "Étiquettes", "Schuhe"]],
            fields: [FieldRule(key: "shoe_size", name: "Schuhe", kind: "number", choices: [])])
        #expect(mapping.hasHeader && mapping.hasEmail)
        #expect(
            mapping.columns.map(\.target) == [
                .email, .firstName, .lastName, .company, .timeZone, .custom("favourite_fish"), .custom("column_7"), .custom("email"), .tags,
                .custom("shoe_size"),
            ])
        #expect(mapping.columns.last?.rule?.kind == "number")
        #expect(!ColumnMapping(sample: [["name", "city"], ["Ada", "Oslo"]], fields: []).hasEmail)
    }

    @Test("without a header the columns have numbers and the addresses are found by what they are; so they are under a name that says nothing")
    func content() {
        let bare = ColumnMapping(sample: [["Ada", "ada@x.org"], ["Bo", "no address"]], fields: [])
        #expect(!bare.hasHeader)
        #expect(bare.columns.map(\.header) == ["column_1", "column_2"])
        #expect(bare.columns.map(\.target) == [.custom("column_1"), .email])
        let named = ColumnMapping(sample: [["Who", "Contact"], ["Ada", "ada@x.org"], ["Bo", "bo@x.org"]], fields: [])
        #expect(named.hasHeader && named.columns.map(\.target) == [.custom("who"), .email])
    }

    @Test(
        "values of typed fields are read as people write them; what could mean two things means nothing",
        arguments: [
            ("number", "1200.5", .number(1200.5)), ("number", "3,5", .number(3.5)), ("number", "1,234", nil), ("number", "nan", nil),
            ("number", "0x10", nil), ("number", "-7", .number(-7)), ("date", "2025-02-28", .text("2025-02-28")), ("date", "2025-02-29", nil),
            ("date", "31.12.2024", .text("2024-12-31")), ("date", "12/31/2024", .text("2024-12-31")), ("date", "31/12/2024", .text("2024-12-31")),
            ("date", "03/04/2024", nil), ("date", "4/4/2024", .text("2024-04-04")), ("date", "1.2.24", nil), ("boolean", "Yes", .boolean(true)),
            ("boolean", "0", .boolean(false)), ("boolean", "maybe", nil), ("choice", "RED", .text("Red")), ("choice", "green", nil),
            ("text", " x ", .text("x")),
        ] as [(String, String, CustomValue?)])
    func values(kind: String, text: String, expected: CustomValue?) {
        #expect(CustomValue(parsing: text, as: kind, choices: ["Red", "Blue"]) == expected)
    }

    @Test(
        "rows that are no leads say why",
        arguments: [
            (",Ada", "email_missing"), ("not an address,Ada", "email_invalid"), ("a@x.org,Ada,UTC,6,a,more", "too_many_columns"),
            ("a@x.org,\(String(repeating: "x", count: 1_001))", "value_too_long"), ("\"a@x.org\r\nBcc: b@x.org\",Ada", "email_invalid"),
            ("a@x.org,Ada,Europe/Atlantis", "time_zone_invalid"), ("a@x.org,Ada,GMT+3", "time_zone_invalid"),
            ("a@x.org,Ada,UTC,six", "custom_value_invalid"), ("a@x.org,Ada,UTC,6,\(String(repeating: "t", count: 65))", "tags_invalid"),
            // A thousand characters of five thousand bytes.
            ("a@x.org,\(String(repeating: "e\u{301}\u{302}", count: 1_000))", "value_too_long"),
        ])
    func rejections(row: String, reason: String) throws {
        let rule = FieldRule(key: "size", name: "Size", kind: "number", choices: [])
        let mapping = ColumnMapping(sample: [["email", "first_name", "time_zone", "size", "tags"]], fields: [rule])
        var parser = CSVParser()
        Array(row.utf8).withUnsafeBufferPointer { parser.read($0) }
        parser.finish()
        let record = try #require(parser.take().first)
        let rejection = #expect(throws: LeadRow.Rejection.self) { try LeadRow(record, mapping: mapping) }
        #expect(rejection?.reason == reason)
    }

    @Test("custom fields of more than 64 KiB are too large for a lead, and what our own files put before a formula is dropped")
    func bounds() throws {
        let header = ["email", "first_name"] + (0..<80).map { "f\($0)" }
        let mapping = ColumnMapping(sample: [header], fields: [])
        func record(_ value: String) throws -> CSVRecord {
            var parser = CSVParser()
            let text = "a@x.org,'=Ada" + String(repeating: "," + value, count: 80)
            Array(text.utf8).withUnsafeBufferPointer { parser.read($0) }
            parser.finish()
            return try #require(parser.take().first)
        }
        #expect(try LeadRow(try record(String(repeating: "x", count: 500)), mapping: mapping).firstName == "=Ada")
        let large = try record(String(repeating: "x", count: 900))
        let rejection = #expect(throws: LeadRow.Rejection.self) { try LeadRow(large, mapping: mapping) }
        #expect(rejection?.reason == "row_too_large")
    }

    @Test("a lead's fields become JSON whatever they hold")
    func json() throws {
        let mapping = ColumnMapping(sample: [["email", "Quote \"Q\"", "notes"]], fields: [])
        var parser = CSVParser()
        Array("a@x.org,\"say \"\"hi\"\" \\ \t!\",\"two\nlines\"".utf8).withUnsafeBufferPointer { parser.read($0) }
        parser.finish()
        let row = try LeadRow(try #require(parser.take().first), mapping: mapping)
        let fields = try JSONDecoder().decode([String: String].self, from: Data(row.custom.utf8))
        #expect(fields == ["quote_q": "say \"hi\" \\ \t!", "notes": "two\nlines"])
    }
}
