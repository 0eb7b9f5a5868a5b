import Foundation
import Testing

@testable import Campaigns

@Suite("Reading CSV")
struct CSVParserTests {
    /// A record as it can be compared.
    struct Read: Equatable {
        let line: Int
        let fields: [String]
        var problem: CSVRecord.Problem?

        init(_ line: Int, _ fields: [String], _ problem: CSVRecord.Problem? = nil) {
            self.line = line
            self.fields = fields
            self.problem = problem
        }

        init(_ record: CSVRecord) {
            self.init(record.line, record.strings, record.problem)
        }
    }

    static func parse(_ bytes: [UInt8], pieces: Int = .max, delimiter: String = ",") -> [Read] {
        var parser = CSVParser(delimiter: delimiter.utf8.first!)
        var records: [CSVRecord] = []
        bytes.withUnsafeBufferPointer { whole in
            var index = 0
            while index < whole.count {
                let end = index + min(pieces, whole.count - index)
                parser.read(UnsafeBufferPointer(rebasing: whole[index..<end]))
                records += parser.take()
                index = end
            }
        }
        parser.finish()
        return (records + parser.take()).map { Read($0) }
    }

    @Test(
        "quotes, line ends and ragged rows",
        arguments: [
            ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]), ("a,b\r\n1,2", [["a", "b"], ["1", "2"]]), ("a\rb\r", [["a"], ["b"]]),
            ("\"x,\"\"y\"\"\",z\n", [["x,\"y\"", "z"]]), ("\"two\nlines\",b\n", [["two\nlines", "b"]]), ("a,\n,b\n", [["a", ""], ["", "b"]]),
            ("\n\na\n\n", [["a"]]), ("", []), ("a,b,c\n1\n", [["a", "b", "c"], ["1"]]), ("\"\"\n", [[""]]),
            ("\"a\r\nb\"\r\nc\r\n", [["a\r\nb"], ["c"]]), ("5\" disk,a\"b\n", [["5\" disk", "a\"b"]]), ("\"a\"b,c\n", [["ab", "c"]]),
            ("\"\"\"\"\n", [["\""]]), (",\n", [["", ""]]),
        ])
    func shapes(text: String, expected: [[String]]) {
        let records = Self.parse(Array(text.utf8))
        #expect(records.map(\.fields) == expected)
        #expect(records.allSatisfy { $0.problem == nil })
    }

    @Test("another delimiter is one, and a comma then is none", arguments: [";", "\t", "|"])
    func delimiters(delimiter: String) {
        let text = "a,b\(delimiter)\"c\(delimiter)d\"\n"
        #expect(Self.parse(Array(text.utf8), delimiter: delimiter) == [Read(1, ["a,b", "c\(delimiter)d"])])
    }

    @Test("however the bytes are cut, the records are the same")
    func pieces() {
        let bytes = Array("email,name\r\n\"a@x.org\",\"Ä \"\"b\"\"\r\nc\"\r\n\r\nd@x.org,é\n\"open".utf8) + [0xFF, 0x0A, 0x00]
        let whole = Self.parse(bytes)
        for size in 1...bytes.count { #expect(Self.parse(bytes, pieces: size) == whole) }
    }

    @Test("what cannot be read is said with its line, and the next record is read")
    func unreadable() {
        let bad: [UInt8] = Array("h\nok\n".utf8) + [0xC3, 0x28, 0x0A] + Array("a\0b\nfine\n".utf8)
        let records = Self.parse(bad)
        #expect(records.map(\.line) == [1, 2, 3, 4, 5])
        #expect(records.map(\.problem) == [nil, nil, .invalidEncoding, .nulCharacter, nil])
        #expect(records.last?.fields == ["fine"])
        // Half a character at the end of one field and the other half at the beginning of the next are two broken ones.
        #expect(Self.parse([0xC3, 0x2C, 0xA9, 0x0A]).map(\.problem) == [.invalidEncoding])
    }

    @Test("a record of ten megabytes is passed over, whatever it consists of", arguments: ["a", ",", "a,", "\"x\","])
    func tooLong(unit: String) {
        let long = Array(String(repeating: unit, count: 10_000_000 / unit.utf8.count).utf8)
        let bytes = Array("h\n".utf8) + long + Array("\nfine\n".utf8)
        for pieces in [65_536, .max] {
            let records = Self.parse(bytes, pieces: pieces)
            #expect(records.map(\.problem) == [nil, .recordTooLong, nil])
            #expect(records.map(\.line) == [1, 2, 3])
            #expect(records[1].fields.joined().utf8.count <= CSVParser.keptOfLongRecord)
            #expect(records.last?.fields == ["fine"])
        }
    }

    @Test("a quote that is never closed is told with its line, and reading goes on at the next line after the limit")
    func unclosed() {
        let row = "0123456789,abcdefghi\n"
        let rows = String(repeating: row, count: CSVParser.maximumRecord / row.utf8.count + 1_000)
        let bytes = Array("h\nok,\"never closed\n\(rows)".utf8)
        let expected = Self.parse(bytes)
        #expect(expected[1].line == 2 && expected[1].problem == .unclosedQuote)
        #expect(expected.dropFirst(2).allSatisfy { $0.fields == ["0123456789", "abcdefghi"] && $0.problem == nil })
        #expect(expected.count > 900)
        #expect(expected.last?.line == 2 + CSVParser.maximumRecord / row.utf8.count + 1_000)
        for size in [4_093, 65_536] { #expect(Self.parse(bytes, pieces: size) == expected) }
        #expect(Self.parse(Array("h\n\"never closed\nx".utf8)).last == Read(2, ["never closed\nx"], .unclosedQuote))
    }

    @Test("lines are counted through quoted line ends")
    func lines() {
        #expect(Self.parse(Array("h\n\"a\nb\nc\"\nd\n".utf8)).map(\.line) == [1, 2, 5])
        #expect(Self.parse(Array("h\r\n\"a\r\nb\rc\"\r\nd\r\n".utf8)).map(\.line) == [1, 2, 5])
    }
}
