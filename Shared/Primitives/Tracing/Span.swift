public import Foundation
import Synchronization

/// What a step is to the one that called it, by OTLP's numbers.
public enum SpanKind: Int, Sendable {
    case `internal` = 1
    case server = 2
    case client = 3
    case producer = 4
    case consumer = 5
}

/// A value that a step says of itself. Never an address, a secret, or what a mail says.
public enum SpanValue: Sendable, Equatable {
    case text(String)
    case number(Int64)
}

/// A step of a trace that has ended.
public struct Span: Sendable {
    public let name: String
    public let kind: SpanKind
    public let position: TraceParent
    /// The step that called it; nil for the first of a trace.
    public let parent: String?
    public let start: Date
    public let end: Date
    public let attributes: [String: SpanValue]
    /// Why it failed; nil when it did not.
    public let failure: String?
}

/// A step that goes on: takes what there is to say of it until it ends.
public final class ActiveSpan: Sendable {
    private struct State {
        var attributes: [String: SpanValue] = [:]
        var failure: String?
        var name: String?
    }

    /// Keeps nothing: for work outside of any trace, and for traces that are not kept.
    public static let unrecorded = ActiveSpan(isRecording: false)

    /// Whether what is said of it is kept; whoever would have to compute it looks here first.
    public let isRecording: Bool
    private let state = Mutex(State())

    init(isRecording: Bool) {
        self.isRecording = isRecording
    }

    public subscript(name: String) -> SpanValue? {
        get { state.withLock { $0.attributes[name] } }
        set {
            guard isRecording else { return }
            state.withLock { $0.attributes[name] = newValue }
        }
    }

    /// It failed, in a few words that name no person.
    public func fail(_ reason: String) {
        guard isRecording else { return }
        state.withLock { $0.failure = reason }
    }

    /// What it is called, where that is known only at its end.
    public func rename(_ name: String) {
        guard isRecording else { return }
        state.withLock { $0.name = name }
    }

    func ended(name: String, kind: SpanKind, position: TraceParent, parent: String?, start: Date, end: Date, threw: Bool) -> Span {
        let state = state.withLock { $0 }
        return Span(
            name: state.name ?? name, kind: kind, position: position, parent: parent, start: start, end: end, attributes: state.attributes,
            failure: state.failure ?? (threw ? "an error was thrown" : nil))
    }
}
