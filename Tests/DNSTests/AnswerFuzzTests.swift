import TestSupport
import Testing

@testable import DNS

/// What name servers answer, broken: no answer, a failure with its reason, or records of the kind that was asked for, in bounded number and time.
@Suite("Foreign bytes: answers of name servers")
struct AnswerFuzzTests {
    @Test("an answer holds what was asked for, or says why not")
    func answers() throws {
        for input in try FuzzRun("dns", tokens: ["\u{C0}\u{0C}", "\u{01}a\u{07}example", "\u{00}\u{10}", "\u{3F}"]) {
            let before = threadSeconds()
            for type in DNSRecordType.allCases {
                guard let reading = input.bytes.withUnsafeBufferPointer({ DNSMessage.read($0, name: "a.example", type: type) }) else { continue }
                try #require(reading.answer.ttl >= 0 && reading.answer.aliases.count <= 16, "\(input.name)")
                guard case .records(let records) = reading.answer.outcome else { continue }
                try #require((1...256).contains(records.count), "\(input.name)")
                try #require(records.allSatisfy { Self.isOf(type, $0) }, "\(input.name): \(records)")
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }

    private static func isOf(_ type: DNSRecordType, _ record: DNSRecord) -> Bool {
        switch (type, record) {
        case (.a, .address(let text)): !text.contains(":")
        case (.aaaa, .address(let text)): text.contains(":")
        case (.ns, .name(let name)), (.cname, .name(let name)), (.ptr, .name(let name)): name.utf8.count <= 1_025 && !name.utf8.contains(0)
        case (.mx, .mailServer(let preference, let host)): (0...65_535).contains(preference) && host.utf8.count <= 1_025
        case (.txt, .text(let text)): !text.utf8.contains(0)
        case (.tlsa, .certificate(let usage, let selector, let matching, _)): [usage, selector, matching].allSatisfy { (0...255).contains($0) }
        default: false
        }
    }
}
