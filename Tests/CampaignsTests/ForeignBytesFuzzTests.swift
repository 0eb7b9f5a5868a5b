import Contracts
import Foundation
import TestSupport
import Testing

@testable import Campaigns

/// What people upload and write, broken: read in proportionate time, refused with a place or read as it says.
@Suite("Foreign bytes: files, templates and segments")
struct ForeignBytesFuzzTests {
    @Test("a CSV file reads the same in pieces of any size, and what was read is read again as it is written")
    func csv() throws {
        for input in try FuzzRun("csv", tokens: [",", "\"\"", "\",\"", ";", "\t", "\r", "\n\n", "\"\n"]) {
            var input = input
            let before = threadSeconds()
            let whole = CSVParserTests.parse(input.bytes)
            try #require(isInTime(threadSeconds() - before, bytes: input.bytes.count), "\(input.name)")
            var parser = CSVParser()
            var records: [CSVRecord] = []
            for range in input.mutator.cuts(of: input.bytes.count) {
                input.bytes[range].withUnsafeBufferPointer { parser.read($0) }
                records += parser.take().map(\.detached)
            }
            parser.finish()
            records += parser.take()
            try #require(records.map { CSVParserTests.Read($0) } == whole, "\(input.name)")
            try #require(whole.allSatisfy { $0.fields.count >= 1 && $0.line >= 1 }, "\(input.name)")
            // Nothing is invented: quotes may go, bytes that are no text may become three.
            try #require(whole.reduce(0) { $0 + $1.fields.reduce(0) { $0 + $1.utf8.count } } <= 3 * input.bytes.count, "\(input.name)")
            let good = whole.filter { $0.problem == nil && $0.fields != [""] }
            let written = good.map { CSVWriter.record($0.fields) + "\r\n" }.joined()
            try #require(CSVParserTests.parse(Array(written.utf8)).map(\.fields) == good.map(\.fields), "\(input.name)")
        }
    }

    private struct Vector: Decodable {
        let delimiter: String
        let text: String
        let rows: [[String]]
    }

    @Test("a valid CSV file reads as Python's csv reads it")
    func golden() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz/golden/csv.json").standardized
        let vectors = try JSONDecoder().decode([Vector].self, from: Data(contentsOf: file))
        #expect(vectors.count > 100)
        for vector in vectors {
            let read = CSVParserTests.parse(Array(vector.text.utf8), delimiter: vector.delimiter)
            #expect(read.map(\.fields) == vector.rows && read.allSatisfy { $0.problem == nil }, "\(vector.text.debugDescription)")
        }
    }

    private static let templateTokens = [
        "{", "}", "|", "{{", "}}", "{a|b}", "{{first_name}}", "{{first_name|there}}", "{{unsubscribe_url}}", "\\", "\\{", "{{custom.", "|}}",
        "<a href=\"", "\">",
        "<!--", "-->", "<style>", "</style>", "&amp;", "&#x7B;", "mailto:", "javascript:",
    ]

    @Test("a template is refused with a place in it, or renders the same each time, as one of its choices, without taking a value for a template")
    func template() throws {
        let hostile = "{{unsubscribe_url}}{a|b}<script>"
        for input in try FuzzRun("template", tokens: Self.templateTokens, count: 2_000) {
            let before = threadSeconds()
            let text: MailText
            do throws(MailText.SyntaxError) {
                text = try MailText(input.text)
            } catch {
                try #require((0...input.text.utf16.count).contains(error.position), "\(input.name): \(error)")
                continue
            }
            let values = TemplateGround.values(TemplateGround.lead(first: hostile))
            for number in 0..<3 {
                let rendered = text.rendered(values, choosing: SpintaxChoices(key: "k\(number)"))
                try #require(rendered == text.rendered(values, choosing: SpintaxChoices(key: "k\(number)")), "\(input.name)")
                try #require(rendered.utf8.count <= MailText.maximumRendered, "\(input.name)")
                // Only the author's own placeholders are there for Delivery.
                let own = text.references.filter { $0.variable == .unsubscribe }.count
                try #require(rendered.components(separatedBy: "{{unsubscribe_url}}").count - 1 <= own, "\(input.name)")
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }

    @Test("a template's HTML is refused with a place in it, or its pieces follow each other from the first byte to the last and render")
    func html() throws {
        for input in try FuzzRun("template-html", tokens: Self.templateTokens, count: 2_000) {
            let before = threadSeconds()
            do {
                let mail = try MailTemplate(subject: "s", text: nil, html: input.text)
                let rendered = mail.render(TemplateGround.values(TemplateGround.lead(first: "<b onload='x'>\"")), choosing: "k")
                try #require(rendered.text.utf8.count <= MailText.maximumRendered, "\(input.name)")
                try #require(!(rendered.html ?? "").contains("<b onload='x'>") || input.text.contains("<b onload='x'>"), "\(input.name)")
            } catch let error as MailText.SyntaxError {
                try #require((0...input.text.utf16.count).contains(error.position), "\(input.name): \(error)")
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }

    @Test("a segment is refused with a place in it, or comes back as it went in and becomes a query")
    func segment() throws {
        let tokens = [
            "{\"all\":[", "{\"any\":[", "{\"not\":", "]}", "}", "{\"field\":\"company\",\"operator\":\"is_set\"}", "\"operator\":\"between\"",
            "\"value\":[1,2]", "1e308",
            "-1e400", "9223372036854775808", "{\"days_ago\":1e300}", "{\"days_ago\":-36500}", "null", "true", "\\u0000", "\\ud800",
            "\"0190a6c2-6000-7000-8000-000000000007\"", "[[[[",
        ]
        let now = Date(timeIntervalSince1970: 1_795_000_000)
        var read = 0
        for input in try FuzzRun("segment", tokens: tokens) {
            let before = threadSeconds()
            guard let filter = try? WireJSON.decoder().decode(SegmentFilter.self, from: Data(input.bytes)) else { continue }
            read += 1
            let again = try WireJSON.decoder().decode(SegmentFilter.self, from: try WireJSON.encoder().encode(filter))
            try #require(again == filter, "\(input.name)")
            do throws(SegmentFilter.Invalid) {
                _ = try SegmentCompiler(fields: SampleLead.fields, workspace: WorkspaceID(UUID()), now: now).condition(filter)
            } catch {
                try #require(!error.detail.isEmpty && error.path.utf8.count < 1_000, "\(input.name): \(error)")
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
        // The corpus at least.
        #expect(read >= 4)
    }
}
