import Contracts
import Foundation
import Testing

@Suite("JSON on the wire")
struct WireJSONTests {
    struct Message: Codable, Equatable {
        var sentAt: Date
        var recipientName: String?
        var counts: [String: Int]
        var lead: LeadID
        var kind: EventActor.Kind
    }

    @Test("every millisecond of a second survives the way to text and back")
    func milliseconds() {
        for millisecond in 0..<1_000 {
            let date = Date(timeIntervalSince1970: Double(1_795_464_652_000 + millisecond) / 1000)
            let text = WireJSON.format(date)
            #expect(text.hasSuffix(".\(String(1000 + millisecond).dropFirst())Z"))
            #expect(WireJSON.parse(text) == date)
        }
    }

    @Test(
        "instants are read with and without a fraction, and nothing else is",
        arguments: [
            ("2026-11-23T18:00:00Z", 1_795_456_800.0), ("2026-11-23T18:00:00.25Z", 1_795_456_800.25), ("1969-12-31T23:59:59.999Z", -0.001),
            ("9999-12-31T23:59:59Z", 253_402_300_799.0), ("yesterday", nil), ("2026-11-23", nil),
            // A year of five digits, or none, is nothing that the database's answer could be read as.
            ("12026-01-01T00:00:00Z", nil), ("10000-01-01T00:00:00.000Z", nil), ("9999-12-31T23:59:59-05:00", nil),
            ("9999-12-31T23:59:59.9999Z", nil), ("0000-06-01T00:00:00Z", nil),
        ] as [(String, Double?)])
    func parsing(text: String, expected: Double?) {
        #expect(WireJSON.parse(text) == expected.map { Date(timeIntervalSince1970: $0) })
    }

    @Test("instants before 1970 are written in order")
    func beforeTheEpoch() {
        #expect(WireJSON.format(Date(timeIntervalSince1970: -0.001)) == "1969-12-31T23:59:59.999Z")
    }

    @Test("keys are snake_case, those of dictionaries stay, ids are lower case, unknown words and fields pass")
    func roundTrip() throws {
        let lead = LeadID(UUID())
        let message = Message(
            sentAt: Date(timeIntervalSince1970: 1.5), recipientName: "Ada", counts: ["perDay": 1], lead: lead, kind: "something_new")
        let text = String(decoding: try WireJSON.encoder().encode(message), as: UTF8.self)
        #expect(text.contains(#""recipient_name":"Ada""#))
        #expect(text.contains(#""perDay":1"#))
        #expect(text.contains(lead.description))
        let extended = text.dropLast() + #","added_later":{"x":1}}"#
        #expect(try WireJSON.decoder().decode(Message.self, from: Data(extended.utf8)) == message)
    }

    @Test("every reader of a stream is a subscriber of it, and only Delivery reads its own, for webhooks")
    func topology() {
        for reader in ServiceName.allCases {
            for source in reader.subscriptions { #expect(source.subscribers.contains(reader)) }
            #expect(reader.subscriptions.contains(reader) == (reader == .delivery))
        }
        #expect(ServiceName.audit.subscriptions == [.auth, .billing, .campaigns, .delivery])
    }
}
