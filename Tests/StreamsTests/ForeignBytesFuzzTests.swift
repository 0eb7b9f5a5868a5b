import Contracts
import Foundation
import TestSupport
import Testing

@testable import Streams

/// What stands in a stream, broken: an event, or something with a reason that the quarantine can keep.
@Suite("Foreign bytes: entries of streams")
struct ForeignBytesFuzzTests {
    private struct Named: Event {
        static let name = "auth.tenant.created"
        static let version = 1
        let name: String
    }

    @Test("an entry is an event that says the same again, or is kept with the reason why it is none")
    func entries() throws {
        let tokens = [
            "{", "}", "[", "\"header\":", "\"id\":\"0190a6c2-1000-7000-8000-000000000001\"", "\"version\":1e40", "null",
            "\"occurred_at\":\"0000-00-00T00:00:00Z\"", "\\u0000", "\\ud800", "[[[[",
        ]
        var events = 0
        for input in try FuzzRun("event", tokens: tokens) {
            let before = threadSeconds()
            let value = RedisValue.array([
                .text(Array("1-0".utf8)), .array([.text(Array("body".utf8)), .text(input.bytes), .text(Array("id".utf8)), .text(input.bytes)]),
            ])
            let entry = IntakeEntry(try #require(StreamEntry(value)))
            switch entry.content {
            case .event(let event):
                events += 1
                let again = try ReceivedEvent(body: event.body)
                try #require(again.header.id == event.header.id && again.header.type == event.header.type, "\(input.name)")
                do throws(EventRejected) {
                    _ = try event.data(as: Named.self)
                } catch {
                    try #require(!error.reason.isEmpty, "\(input.name)")
                }
            case .malformed(_, _, let body, let reason): try #require(body == input.bytes && !reason.isEmpty, "\(input.name)")
            case .nothing: Issue.record("\(input.name): the body is lost")
            }
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
        #expect(events >= 2)
    }

    @Test("an answer of another form than a stream's is no entry, or one without what is missing")
    func shapes() {
        let text = RedisValue.text(Array("x".utf8))
        #expect(StreamEntry(.array([])) == nil && StreamEntry(text) == nil)
        for fields in [RedisValue.array([]), .array([text]), .array([text, text, text]), .array([.array([]), text]), text] {
            #expect(StreamEntry(.array([text, fields]))?.fields["body"] == nil)
        }
    }
}
