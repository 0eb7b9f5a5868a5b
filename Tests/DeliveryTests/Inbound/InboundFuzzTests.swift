import Foundation
import MIME
import TestSupport
import Testing

@testable import Delivery

/// 2,000 broken mails; a million with PENGUIN_TEST_FULL=1, as many as fit into PENGUIN_FUZZ_SECONDS where that is set.
/// PENGUIN_SEED repeats a run: each mail has the seed of the run plus its number.
struct InboundFuzzTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let isFull = environment["PENGUIN_TEST_FULL"] == "1"
    private static let seconds = environment["PENGUIN_FUZZ_SECONDS"].flatMap { Double($0) }
    private static let count: UInt64 = seconds != nil ? .max : isFull ? 1_000_000 : 2_000
    private static let seed = environment["PENGUIN_SEED"].flatMap { UInt64($0) } ?? 20_261_128

    @Test("broken mails are read in bounded time, to a bounded size, and kill nobody's address") func brokenMailsAreReadIn() throws {
        let corpus = try InboundCorpus()
        let mails = try corpus.entries.filter { !$0.isReply }.map { try corpus.bytes(of: $0) }
        let limits = MIMELimits()
        let end = Self.seconds.map { ContinuousClock.now + .milliseconds(Int64($0 * 1_000)) }
        for number in 0..<Self.count {
            if let end, ContinuousClock.now >= end { break }
            var mutator = MailMutator(seed: Self.seed &+ number)
            let bytes = mutator.next(from: mails)
            let before = Self.processorTime()
            let mail = try ParsedMail.parse(bytes, limits: limits)
            let verdicts = InboundClassifier.classifyAll(mail, ourAddress: InboundCorpus.ourAddress)
            let spent = Self.processorTime() - before
            let name = "PENGUIN_SEED=\(Self.seed &+ number)"
            // Time of this thread alone, so that a busy machine changes nothing; the bound is for a build without optimisation.
            try #require(spent < 0.5 + Double(bytes.count) * 0.000_02, "\(name): \(spent) s for \(bytes.count) bytes")
            try #require(Self.isBounded(mail, limits), "\(name)")
            try #require((1...100).contains(verdicts.count), "\(name)")
            for verdict in verdicts {
                try #require(Self.isBounded(verdict), "\(name): \(verdict)")
                try #require(verdict.kind != .hardBounce || HardEvidence.isThere(for: verdict, in: mail), "\(name): \(verdict)")
            }
        }
    }

    @Test("the same seed breaks a mail in the same way") func theSameSeedBreaksA() throws {
        let mails = [Array("From: a@example.com\n\ntext 550\n".utf8), Array("Subject: x\n\nmore\n".utf8)]
        var first = MailMutator(seed: 7)
        var second = MailMutator(seed: 7)
        var other = MailMutator(seed: 8)
        let made = (0..<20).map { _ in first.next(from: mails) }
        #expect(made == (0..<20).map { _ in second.next(from: mails) })
        #expect(made != (0..<20).map { _ in other.next(from: mails) })
    }

    private static func isBounded(_ mail: ParsedMail, _ limits: MIMELimits) -> Bool {
        mail.text.utf8.count <= limits.text && (mail.html?.utf8.count ?? 0) <= limits.html && mail.fields.count <= limits.fields
            && mail.original.count <= limits.fields && mail.attachments.count <= limits.attachments
            && (mail.report?.groups.count ?? 0) <= limits.parts && !mail.text.utf8.contains(0)
            && mail.fields.allSatisfy { $0.value.utf8.count <= limits.fieldBytes }
    }

    private static func isBounded(_ verdict: InboundVerdict) -> Bool {
        (0...1).contains(verdict.confidence) && (verdict.recipient?.utf8.count ?? 0) <= 400 && (verdict.diagnostic?.count ?? 0) <= 500
            && verdict.diagnostic?.contains("\n") != true && (verdict.originalMessageID?.utf8.count ?? 0) <= 998
    }

    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
