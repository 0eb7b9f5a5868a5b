/// What the work of a task belongs to: its place in a trace, and the request that caused it. It goes along with the task and with what that awaits.
public struct TraceContext: Sendable {
    @TaskLocal public static var current: TraceContext?

    public let position: TraceParent
    /// The gateway's name for the request; nil for what no request caused.
    public let requestID: String?
    let tracer: Tracer

    /// The `traceparent` of what is done now; nil outside of any trace.
    public static var traceparent: String? { current?.position.text }

    /// Runs `work` as the next step of the current trace; outside of any it just runs.
    public static func span<Value, Failure: Error>(
        _ name: String, _ kind: SpanKind = .internal, isolation: isolated (any Actor)? = #isolation,
        _ work: (ActiveSpan) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard let current else { return try await work(.unrecorded) }
        return try await current.tracer.span(name, kind, continuing: current.position, requestID: current.requestID, work)
    }
}
