import HTTP
import HTTPTypes
import Hummingbird
import Logging
import Primitives

/// Sees every public request from outside: counts it, makes it a step of its trace, and tells the log of what may have changed something.
struct RequestObservation: RouterMiddleware {
    typealias Context = AppContext

    /// Stands for the route where none fits.
    private static let nowhere = "none"
    private static let traceparent = HTTPField.Name("traceparent")!
    private static let safe: Set<HTTPRequest.Method> = [.get, .head, .options]

    let metrics: RequestMetrics
    let tracer: Tracer

    func handle(_ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response) async throws -> Response {
        let requestID = request.headers[.requestID].flatMap { $0.utf8.count <= 64 ? $0 : nil }
        let began = ContinuousClock.now
        metrics.began(request.method)
        return try await trace(request, requestID) { span in
            do {
                let response = try await next(request, context)
                ended(request, context, response.status, .now - began, span)
                return response
            } catch {
                let status = (error as? any HTTPResponseError)?.status ?? .internalServerError
                ended(request, context, status, .now - began, span)
                throw error
            }
        }
    }

    /// Where nobody outside has begun the trace, the gateway has given it the request's name: then this is its first step.
    private func trace(
        _ request: Request, _ requestID: String?, _ work: (ActiveSpan) async throws -> Response
    ) async throws -> Response {
        let parent = TraceParent(parsing: request.headers[Self.traceparent]).map(tracer.admitted)
        if let parent, parent.traceIdentifier == requestID {
            return try await tracer.span("request", .server, beginning: parent.child(), requestID: requestID, work)
        }
        return try await tracer.span("request", .server, continuing: parent, requestID: requestID, work)
    }

    private func ended(_ request: Request, _ context: AppContext, _ status: HTTPResponse.Status, _ duration: Duration, _ span: ActiveSpan) {
        let route = context.endpointPath ?? Self.nowhere
        metrics.ended(request.method, route, status.code, in: duration)
        if span.isRecording {
            span.rename("\(RequestMetrics.label(request.method)) \(route)")
            span["http.request.method"] = .text(RequestMetrics.label(request.method))
            span["http.route"] = .text(route)
            span["http.response.status_code"] = .number(Int64(status.code))
            if status.code >= 500 { span.fail("status \(status.code)") }
        }
        guard !Self.safe.contains(request.method) || status.code >= 500 else { return }
        context.logger.log(
            level: status.code >= 500 ? .warning : .info, "request answered",
            metadata: [
                "method": "\(RequestMetrics.label(request.method))", "route": "\(route)", "status": "\(status.code)",
                "milliseconds": "\(Int64(duration / .milliseconds(1)))",
            ])
    }
}
