import Contracts
import Foundation

/// An entry of a stream, read as an event as far as it is one.
struct IntakeEntry: Sendable {
    enum Content: Sendable {
        case event(ReceivedEvent)
        /// Trimmed meanwhile, or without a body.
        case nothing
        case malformed(identifier: UUID?, type: String, body: [UInt8], reason: String)
    }

    let position: String
    let content: Content

    init(_ entry: StreamEntry) {
        position = entry.position
        guard let body = entry.fields["body"] else {
            content = .nothing
            return
        }
        do throws(EventRejected) {
            content = .event(try ReceivedEvent(body: body))
        } catch {
            content = .malformed(
                identifier: entry.fields["id"].flatMap { UUID(uuidString: String(decoding: $0, as: UTF8.self)) },
                type: entry.fields["type"].map { String(decoding: $0, as: UTF8.self) } ?? "", body: body, reason: error.reason)
        }
    }
}
