import Contracts
import Foundation
import HTTPTypes
public import Hummingbird
public import Logging
import NIOCore
public import Primitives

extension RPCRouter {
    private static var bodyLimit: Int { 4 << 20 }

    /// Adds `POST /rpc`, which demands a service token for us. Each question is a step of the trace in which it was asked.
    public func mount<Context: RequestContext>(
        on router: Router<Context>, tokens: ServiceTokens, clock: WallClock, tracer: Tracer = .silent, metrics: RPCMetrics = RPCMetrics(),
        logger: Logger
    ) {
        router.post("/rpc") { request, _ in
            let started = ContinuousClock.now
            guard let authorization = request.headers[.authorization], authorization.hasPrefix("Bearer "),
                let caller = try? await tokens.verify(String(authorization.dropFirst(7)), now: clock.now)
            else {
                return Self.response(
                    encodeFailure(.init(code: -32_003, kind: "unauthorized", message: "a service token is needed"), id: nil), .unauthorized)
            }
            guard let body = try? await request.body.collect(upTo: Self.bodyLimit) else {
                return Self.response(encodeFailure(.invalidRequest("the body is too large"), id: nil), .contentTooLarge)
            }
            let budget = request.headers[.deadlineMilliseconds].flatMap(Int64.init).map { min(max($0, 1), 60_000) } ?? 10_000
            let traceparent = request.headers[.traceparent]
            let context = RPCContext(caller: caller, traceparent: traceparent, deadline: started + .milliseconds(budget), logger: logger)
            let requestID = request.headers[.callersRequest].flatMap { $0.utf8.count <= 64 ? $0 : nil }
            let answer = await tracer.span("rpc", .server, continuing: TraceParent(parsing: traceparent), requestID: requestID) { span in
                let answer = await answered([UInt8](body.readableBytesView), context)
                let duration = ContinuousClock.now - started
                metrics.answered(answer.method, to: caller, answer.outcome, in: duration)
                answer.describe(span, caller: caller)
                // What a person's request made us do; what services ask of themselves is counted only.
                if requestID != nil { answer.tell(caller, duration, logger) }
                return answer
            }
            return Self.response(answer.body, .ok)
        }
    }

    private static func response(_ body: [UInt8], _ status: HTTPResponse.Status) -> Response {
        Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension HTTPField.Name {
    static let deadlineMilliseconds = Self("X-Deadline-Milliseconds")!
    static let callersRequest = Self("X-Request-ID")!
}

extension RPCRouter.Answer {
    fileprivate func describe(_ span: ActiveSpan, caller: ServiceName) {
        guard span.isRecording else { return }
        span.rename(method)
        span["rpc.system"] = .text("jsonrpc")
        span["rpc.method"] = .text(method)
        span["peer.service"] = .text(caller.rawValue)
        if outcome != "ok" {
            span["error.type"] = .text(outcome)
            span.fail(outcome)
        }
    }

    fileprivate func tell(_ caller: ServiceName, _ duration: Duration, _ logger: Logger) {
        logger.info(
            "question answered",
            metadata: [
                "method": "\(method)", "caller": "\(caller.rawValue)", "outcome": "\(outcome)",
                "milliseconds": "\(Int64(duration / .milliseconds(1)))",
            ])
    }
}
