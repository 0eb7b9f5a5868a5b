import Foundation
import MIME
import TestSupport
import Testing

@testable import Delivery

struct InboundCorpusTests {
    private static let corpus = Result { try InboundCorpus() }
    private static let entries = (try? corpus.get().entries) ?? []
    /// Written by people, or by machines for people: nothing in them can be proof against an address, however little of them is left.
    private static let harmless: Set<Substring> = ["replies", "wishes", "auto", "notices", "others"]

    @Test("the corpus has 200 mails and more, and the manifest knows each of them") func theCorpusHas200Mails() throws {
        let corpus = try Self.corpus.get()
        #expect(corpus.entries.count >= 200)
        #expect(try corpus.files() == Set(corpus.entries.map(\.file)))
        #expect(corpus.entries.allSatisfy { InboundVerdict.Kind(rawValue: $0.kind) != nil && !$0.why.isEmpty })
        #expect(Set(corpus.entries.map(\.kind)).count == InboundVerdict.Kind.allCases.count)
    }

    @Test("every mail and reply of the corpus is what the manifest says", arguments: entries)
    func everyMailAndReplyOf(_ entry: InboundCorpus.Entry) throws {
        let verdicts = try InboundCorpus.verdicts(try Self.corpus.get().bytes(of: entry), isReply: entry.isReply)
        try #require(verdicts.count == entry.expectations.count, "\(entry.why)")
        for (verdict, expected) in zip(verdicts, entry.expectations) {
            #expect(verdict.kind.rawValue == expected.kind, "\(entry.why): \(verdict.rule)")
            #expect(verdict.recipient == expected.recipient, "\(verdict.rule)")
            #expect(verdict.status == expected.status, "\(verdict.rule)")
            #expect(verdict.originalMessageID == entry.messageID)
            #expect(verdict.unsubscribeToken == entry.token)
            #expect((0...1).contains(verdict.confidence) && (verdict.kind == .unknown || verdict.confidence >= 0.5))
        }
    }

    @Test("of what is called a hard bounce, 99 percent is one, and nearly all are found") func ofWhatIsCalledA() throws {
        let corpus = try Self.corpus.get()
        var right = 0
        var wrong: [String] = []
        var missed: [String] = []
        for entry in corpus.entries {
            let verdicts = try InboundCorpus.verdicts(try corpus.bytes(of: entry), isReply: entry.isReply)
            for (index, expected) in entry.expectations.enumerated() {
                let verdict = index < verdicts.count ? verdicts[index] : nil
                switch (verdict?.kind == .hardBounce, expected.kind == "hard_bounce") {
                case (true, true): right += 1
                case (true, false): wrong.append("\(entry.file): \(verdict?.rule ?? "")")
                case (false, true): missed.append("\(entry.file): \(verdict?.rule ?? "")")
                case (false, false): break
                }
            }
        }
        let precision = Double(right) / Double(max(1, right + wrong.count))
        print("hard bounces: \(right) right, \(wrong.count) wrong, \(missed.count) missed, precision \(precision)")
        #expect(right >= 100)
        #expect(precision >= 0.99, "\(wrong.joined(separator: "\n"))")
        #expect(Double(right) / Double(max(1, right + missed.count)) >= 0.99, "\(missed.joined(separator: "\n"))")
    }

    @Test("the ends of lines change nothing", arguments: entries)
    func theEndsOfLinesChange(_ entry: InboundCorpus.Entry) throws {
        let bytes = try Self.corpus.get().bytes(of: entry)
        // What is no mail has no lines.
        guard entry.file != "others/garbage.eml", entry.file != "dsn/structure-utf16-text.eml" else { return }
        let withLF = bytes.filter { $0 != 0x0D }
        let withCRLF = withLF.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
        let expected = try InboundCorpus.verdicts(withLF, isReply: entry.isReply)
        let verdicts = try InboundCorpus.verdicts(withCRLF, isReply: entry.isReply)
        #expect(verdicts == expected)
        #expect(expected.map(\.kind.rawValue) == entry.expectations.map(\.kind))
    }

    @Test("a mail cut anywhere is never a hard bounce without evidence", arguments: entries)
    func aMailCutAnywhereIs(_ entry: InboundCorpus.Entry) throws {
        guard !entry.isReply else { return }
        let bytes = try Self.corpus.get().bytes(of: entry)
        var random = SeededRandom(seed: entry.file.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
        for _ in 0..<50 {
            let length = Int.random(in: 1...bytes.count, using: &random)
            let mail = try ParsedMail.parse(Array(bytes[..<length]))
            for verdict in InboundClassifier.classifyAll(mail, ourAddress: InboundCorpus.ourAddress) where verdict.kind == .hardBounce {
                #expect(HardEvidence.isThere(for: verdict, in: mail), "cut at \(length): \(verdict)")
                #expect(!Self.harmless.contains(entry.folder), "cut at \(length): \(verdict)")
            }
        }
    }
}
