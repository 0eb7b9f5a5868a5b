import Contracts
import Foundation
import HTTP
import Hummingbird
import NIOCore
import Primitives
import ServiceRuntime

/// The queues as the platform's operator sees and works them.
struct SystemQueueRoutes {
    let watch: SessionWatch
    let monitor: QueueMonitor
    let jobs: JobViewStore
    let operations: QueueOperations

    private struct PauseRequest: Codable {
        let reason: String
    }

    private struct CountAnswer: Encodable {
        let count: Int
    }

    /// The second prefix is the older name of the same.
    static let prefixes = ["/api/v1/platform/system/queues", "/api/v1/queue/queues"]
    /// A stream ends by itself after this long; whoever looks on asks again, and is asked who it is.
    static let streamLength = Duration.seconds(300)

    func add(to router: Router<AppContext>) {
        for prefix in Self.prefixes { add(to: router.group(RouterPath(prefix))) }
    }

    private func add(to queues: RouterGroup<AppContext>) {
        queues.get { _, context in
            _ = try context.require(staff: .ops, .support)
            let all = try await monitor.overview(now: operations.clock.now)
            return try Response.json(Page(all, limit: max(1, all.count)) { $0.name })
        }
        queues.get("stream") { _, context in
            return stream(for: try context.require(staff: .ops, .support))
        }
        queues.get("{name}") { _, context in
            _ = try context.require(staff: .ops, .support)
            guard let found = try await monitor.overview(of: try queue(context), now: operations.clock.now).first else {
                throw Problem.notFound("queue")
            }
            return try Response.json(found)
        }
        queues.get("{name}/jobs") { request, context in try await list(request, context) }
        queues.get("{name}/jobs/{id}") { _, context in
            _ = try context.require(staff: .ops, .support)
            guard let detail = try await jobs.detail(try job(context), in: try queue(context)) else { throw Problem.notFound("job") }
            return try Response.json(detail)
        }
        queues.post("{name}/pause") { request, context in
            let identity = try context.require(staff: .ops)
            let reason = try await request.json(PauseRequest.self).reason.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (1...200).contains(reason.count) else { throw Problem.invalid("reason must have 1 to 200 characters.", field: "reason") }
            try await operations.pause(try queue(context), reason: reason, by: identity, audit: audit(context))
            return Response.noContent
        }
        queues.post("{name}/resume") { _, context in
            let identity = try context.require(staff: .ops)
            try await operations.resume(try queue(context), by: identity, audit: audit(context))
            return Response.noContent
        }
        queues.post("{name}/retry-all") { request, context in
            let identity = try context.require(staff: .ops)
            let filter = try await request.optionalJSON(QueueOperations.Filter.self) ?? .init()
            return try Response.json(
                CountAnswer(count: try await operations.retryAll(filter, in: try queue(context), by: identity, audit: audit(context))))
        }
        queues.post("{name}/clear-failed") { request, context in
            let identity = try context.require(staff: .ops)
            let filter = try await request.optionalJSON(QueueOperations.Filter.self) ?? .init()
            return try Response.json(
                CountAnswer(count: try await operations.clearFailed(filter, in: try queue(context), by: identity, audit: audit(context))))
        }
        queues.post("{name}/jobs/{id}/retry") { _, context in
            let identity = try context.require(staff: .ops)
            try await operations.retry(try job(context), in: try queue(context), by: identity, audit: audit(context))
            return Response.noContent
        }
        queues.post("{name}/jobs/{id}/cancel") { _, context in
            let identity = try context.require(staff: .ops)
            try await operations.cancel(try job(context), in: try queue(context), by: identity, audit: audit(context))
            return Response.noContent
        }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        _ = try context.require(staff: .ops, .support)
        let page = try PageRequest(request)
        guard let state = JobViewStore.State(rawValue: request.uri.queryParameters["state"].map(String.init) ?? "waiting") else {
            let known = JobViewStore.State.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.invalid("state must be one of \(known).", field: "state")
        }
        let asked = request.uri.queryParameters
        var filter = QueueOperations.Filter(kind: asked["kind"].map { String($0.prefix(100)) })
        if let text = asked["tenant"] {
            guard let tenant = TenantID(String(text)) else { throw Problem.invalid("tenant must be a company's id.", field: "tenant") }
            filter.tenant = tenant
        }
        let found = try await jobs.list(
            state, of: try queue(context), fitting: filter, before: try page.after(JobPosition.self), limit: page.limit + 1)
        return try Response.json(Page(found, limit: page.limit) { JobPosition($0) })
    }

    /// What ``QueueMonitor/overview(of:)`` says, every second (text/event-stream), while the session lives.
    private func stream(for identity: Identity) -> Response {
        let (monitor, watch, clock) = (monitor, watch, operations.clock)
        let body = ResponseBody { writer in
            let end = ContinuousClock.now + Self.streamLength
            try await watch.watching(identity.session) { isLive in
                while ContinuousClock.now < end, await isLive() {
                    let data = try WireJSON.encoder().encode(try await monitor.overview(now: clock.now))
                    try await writer.write(ByteBuffer(string: "event: queues\ndata: \(String(decoding: data, as: UTF8.self))\n\n"))
                    // Looks more often than it speaks: a revoked session hears nothing more within a second.
                    for _ in 0..<4 {
                        guard await isLive() else { return }
                        try await Task.sleep(for: .milliseconds(250))
                    }
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    /// The queue that the path names, with or without its prefix.
    private func queue(_ context: AppContext) throws(Problem) -> String {
        let name = context.parameters.get("name").flatMap { $0.removingPercentEncoding } ?? ""
        guard let queue = WorkQueue(rawValue: name) ?? WorkQueue(rawValue: "queue:\(name)") else { throw Problem.notFound("queue") }
        return queue.rawValue
    }

    private func job(_ context: AppContext) throws(Problem) -> UUID {
        guard let id = context.parameters.get("id").flatMap({ UUID(uuidString: $0) }) else { throw Problem.notFound("job") }
        return id
    }

    private func audit(_ context: AppContext) -> QueueOperations.Audit {
        { action, targets, metadata in context.audit(action, targets: targets, metadata: metadata) }
    }
}
