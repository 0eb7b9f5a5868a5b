public import Contracts
import Foundation

/// An event as it came: what it says about itself, and its data for whoever knows the type.
public struct ReceivedEvent: Sendable {
    public let header: EventHeader
    public let body: [UInt8]

    /// Throws ``EventRejected`` when the body is not an event.
    public init(body: [UInt8]) throws(EventRejected) {
        do {
            header = try WireJSON.decoder().decode(HeaderOnly.self, from: Data(body)).header
        } catch {
            throw EventRejected("the body is not an event")
        }
        self.body = body
    }

    /// The event's data; ``EventRejected`` when it has another form.
    public func data<E: Event>(as type: E.Type) throws(EventRejected) -> E {
        do {
            return try WireJSON.decoder().decode(EventBody<E>.self, from: Data(body)).data
        } catch {
            throw EventRejected("the data is not a \(E.name) of version \(E.version)")
        }
    }

    private struct HeaderOnly: Decodable {
        let header: EventHeader
    }
}

/// Thrown by a reader for an event that it can never take in: it goes to the quarantine with this reason.
public struct EventRejected: Error, Sendable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) {
        self.reason = reason
    }

    public var description: String { reason }
}
