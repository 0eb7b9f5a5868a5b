import Foundation

/// Begins traces and steps of them, and hands those that ended to whoever keeps them.
public struct Tracer: Sendable {
    /// Keeps nothing; traces go on all the same.
    public static let silent = Tracer(clock: .system, share: 0, keep: nil)

    private let clock: WallClock
    private let share: Double
    private let keep: (@Sendable (Span) -> Void)?

    /// `share`: of the traces that begin here or come from outside, how many are kept, from 0 to 1; steps of others' traces are kept as they say. `keep` returns at once.
    public init(clock: WallClock, share: Double = 1, keep: (@Sendable (Span) -> Void)?) {
        self.clock = clock
        self.share = share
        self.keep = keep
    }

    /// What comes from outside, with our own word on whether it is kept: nobody else decides how much we record.
    public func admitted(_ parent: TraceParent) -> TraceParent { keep == nil ? parent : parent.sampled(share: share) }

    /// Runs `work` as a step after `parent`, or as the first of a trace of its own; what `work` awaits belongs to it.
    public func span<Value, Failure: Error>(
        _ name: String, _ kind: SpanKind, continuing parent: TraceParent?, requestID: String? = nil,
        isolation: isolated (any Actor)? = #isolation, _ work: (ActiveSpan) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let position = parent?.child() ?? .root(isSampled: share >= 1 || Double.random(in: 0..<1) < share)
        return try await span(name, kind, at: position, parent: parent?.spanIdentifier, requestID: requestID, work)
    }

    /// As ``span(_:_:continuing:requestID:isolation:_:)`` for the first step of a trace to which somebody else has given its name.
    public func span<Value, Failure: Error>(
        _ name: String, _ kind: SpanKind, beginning position: TraceParent, requestID: String?,
        isolation: isolated (any Actor)? = #isolation, _ work: (ActiveSpan) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await span(name, kind, at: position, parent: nil, requestID: requestID, work)
    }

    private func span<Value, Failure: Error>(
        _ name: String, _ kind: SpanKind, at position: TraceParent, parent: String?, requestID: String?,
        isolation: isolated (any Actor)? = #isolation, _ work: (ActiveSpan) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let context = TraceContext(position: position, requestID: requestID, tracer: self)
        let active = keep != nil && position.isSampled ? ActiveSpan(isRecording: true) : .unrecorded
        // The clock says when; how long it took is told by one that nobody sets.
        let (start, began) = (clock.now, ContinuousClock.now)
        let result = await TraceContext.$current.withValue(context) { () async -> Result<Value, Failure> in
            do throws(Failure) {
                return .success(try await work(active))
            } catch {
                return .failure(error)
            }
        }
        if active.isRecording {
            let threw = if case .failure = result { true } else { false }
            let end = start.addingTimeInterval((ContinuousClock.now - began) / .seconds(1))
            keep?(active.ended(name: name, kind: kind, position: position, parent: parent, start: start, end: end, threw: threw))
        }
        return try result.get()
    }
}
