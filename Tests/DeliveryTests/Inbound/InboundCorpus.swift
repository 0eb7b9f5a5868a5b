import Foundation
import MIME
import Testing

@testable import Delivery

/// The mails and replies under `corpus`, each with what it is: written for this repository after the forms of providers.
struct InboundCorpus {
    struct Expectation: Decodable {
        var kind: String
        var recipient: String?
        var status: String?
    }

    struct Entry: Decodable, CustomTestStringConvertible {
        var file: String
        var kind: String
        var recipient: String?
        var status: String?
        var messageID: String?
        var token: String?
        /// Of a report on several recipients: each of them.
        var all: [Expectation]?
        var why: String

        enum CodingKeys: String, CodingKey {
            case file, kind, recipient, status, token, all, why
            case messageID = "message_id"
        }

        var isReply: Bool { file.hasSuffix(".smtp") }
        var folder: Substring { file.prefix { $0 != "/" } }
        var expectations: [Expectation] { all ?? [Expectation(kind: kind, recipient: recipient, status: status)] }
        var testDescription: String { file }
    }

    static let ourAddress = "anna@outreach.example.com"

    let entries: [Entry]
    private let folder: URL

    init() throws {
        folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "corpus")
        entries = try JSONDecoder().decode([Entry].self, from: Data(contentsOf: folder.appending(path: "manifest.json")))
    }

    /// What lies in the folder, whether the manifest knows of it or not.
    func files() throws -> Set<String> {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return Set(paths.filter { $0.hasSuffix(".eml") || $0.hasSuffix(".smtp") })
    }

    func bytes(of entry: Entry) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: entry.file)))
    }

    /// As Delivery judges it: a mail by its parts, a reply by its code.
    static func verdicts(_ bytes: [UInt8], isReply: Bool) throws -> [InboundVerdict] {
        if isReply { return [verdict(ofReply: String(decoding: bytes, as: UTF8.self))] }
        return InboundClassifier.classifyAll(try ParsedMail.parse(bytes), ourAddress: ourAddress)
    }

    private static func verdict(ofReply text: String) -> InboundVerdict {
        let lines = text.split(whereSeparator: \.isNewline)
        let code = lines.first.flatMap { Int($0.prefix(3)) } ?? 0
        let words = lines.map { $0.dropFirst(4) }
        let enhanced = words.first?.split(separator: " ").first.flatMap { StatusCode($0) }.map(\.description)
        return InboundClassifier.classify(smtp: code, enhanced: enhanced, text: words.joined(separator: " "))
    }
}

/// What a hard bounce must rest on: something that a machine wrote for machines, or the form of a mail system that names the address.
enum HardEvidence {
    private static let forms = ["bare.qmail.", "bare.exim.", "bare.postfix.", "bare.domino.", "bare.mailru."]

    static func isThere(for verdict: InboundVerdict, in mail: ParsedMail) -> Bool {
        let isReported = mail.report?.groups.contains { group in
            group.contains { field in field.name == "status" && field.value.hasPrefix("5.") || field.name == "diagnostic-code" && !field.value.isEmpty
            }
        }
        if mail.report?.kind == "delivery-status", isReported == true { return true }
        if mail.field("x-failed-recipients") != nil { return true }
        if verdict.status?.hasPrefix("5.") == true { return true }
        if verdict.diagnostic?.split(separator: " ").contains(where: { StatusCode.replyCode(startOf: $0)?.code ?? 0 >= 500 }) == true { return true }
        return forms.contains(where: verdict.rule.hasPrefix)
    }
}
