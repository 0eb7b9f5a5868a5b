public import AsyncHTTPClient
public import Contracts
public import Foundation
public import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Primitives

/// The way to ask one other service.
public struct RPCClient: Sendable {
    /// Sends one body, waits at most until the deadline, gives the answer's body.
    typealias Transport = @Sendable (_ body: Data, _ traceparent: String, _ deadline: ContinuousClock.Instant) async throws -> Data

    private let transport: Transport
    private let peer: String
    private let metrics: RPCMetrics?

    init(peer: String = "local", metrics: RPCMetrics? = nil, transport: @escaping Transport) {
        self.peer = peer
        self.metrics = metrics
        self.transport = transport
    }

    /// Asks, and asks again after a lost answer where the method is idempotent and time is left. The question goes on in the trace of `traceparent`,
    /// or else in the current one.
    public func call<Method: RPCMethod>(_ request: Method, traceparent: String? = nil) async throws(RPCError) -> Method.Result {
        let started = ContinuousClock.now
        let result: Result<Method.Result, RPCError> = await TraceContext.span(Method.name, .client) { span in
            do throws(RPCError) {
                return .success(try await ask(request, traceparent: traceparent))
            } catch {
                span["error.type"] = .text(error.kind)
                span.fail(error.kind)
                return .failure(error)
            }
        }
        let outcome = if case .failure(let error) = result { error.kind } else { "ok" }
        metrics?.asked(Method.name, of: peer, outcome, in: .now - started)
        return try result.get()
    }

    private func ask<Method: RPCMethod>(_ request: Method, traceparent: String?) async throws(RPCError) -> Method.Result {
        let deadline = ContinuousClock.now + Method.deadline
        let trace = TraceParent(parsing: traceparent)?.child() ?? TraceContext.current?.position ?? TraceParent.root()
        let envelope = RequestEnvelope(id: .text(UUID().text), method: Method.name, params: request)
        guard let body = try? WireJSON.encoder().encode(envelope) else { throw .invalidParams("\(Method.name): cannot be encoded") }
        var pauses: [Duration] = Method.isIdempotent ? [.milliseconds(50), .milliseconds(150), .milliseconds(400)] : []
        while true {
            do {
                return try decode(Method.self, from: try await transport(body, trace.text, deadline))
            } catch {
                let error = error as? RPCError ?? .unavailable("\(Method.name): \(error)")
                guard error.kind == "unavailable", let pause = pauses.first, ContinuousClock.now + pause * 2 < deadline else { throw error }
                pauses.removeFirst()
                metrics?.repeats(Method.name, of: peer)
                do {
                    try await Task.sleep(for: pause * Double.random(in: 0.75...1.25))
                } catch {
                    throw .unavailable("\(Method.name): the task was cancelled")
                }
            }
        }
    }

    private func decode<Method: RPCMethod>(_ method: Method.Type, from data: Data) throws -> Method.Result {
        let envelope: ResponseEnvelope<Method.Result>
        do {
            envelope = try WireJSON.decoder().decode(ResponseEnvelope<Method.Result>.self, from: data)
        } catch {
            throw RPCError(code: -32_603, kind: "internal", message: "\(Method.name): the answer has another form than its contract")
        }
        if let failure = envelope.error { throw failure.rpcError }
        guard let result = envelope.result else { throw RPCError.internalFailure }
        return result
    }

    /// Asks a router in the same process through real JSON: for tests.
    public static func local(_ router: RPCRouter, caller: ServiceName) -> RPCClient {
        RPCClient { body, traceparent, deadline in
            let context = RPCContext(caller: caller, traceparent: traceparent, deadline: deadline, logger: Logger(label: "rpc.local"))
            return Data(await router.answer([UInt8](body), context))
        }
    }

    /// Says with every call that nobody is there: for what must not ask.
    public static let failing = RPCClient { _, _, _ in throw RPCError.unavailable("no such peer is connected") }

    /// Asks over HTTP, with this service's token.
    public static func http(
        url: URL, caller: ServiceName, target: ServiceName, tokens: ServiceTokens, httpClient: HTTPClient, metrics: RPCMetrics = RPCMetrics(),
        logger: Logger
    ) -> RPCClient {
        let address = url.appending(path: "rpc").absoluteString
        return RPCClient(peer: target.rawValue, metrics: metrics) { body, traceparent, deadline in
            let left = deadline - .now
            guard left > .zero else { throw RPCError.deadlineExceeded("rpc") }
            var request = HTTPClientRequest(url: address)
            request.method = .POST
            request.headers = [
                "content-type": "application/json", "authorization": "Bearer \(try await tokens.token(for: target, now: WallClock.system.now))",
            ]
            request.headers.replaceOrAdd(name: "traceparent", value: traceparent)
            if let requestID = TraceContext.current?.requestID { request.headers.replaceOrAdd(name: "x-request-id", value: requestID) }
            request.headers.replaceOrAdd(name: "x-deadline-milliseconds", value: String(Int64(left / .milliseconds(1))))
            request.body = .bytes(ByteBuffer(data: body))
            do {
                let response = try await httpClient.execute(request, timeout: .nanoseconds(Int64(left / .nanoseconds(1))), logger: logger)
                let answer = try await response.body.collect(upTo: 8 << 20)
                guard response.status.code < 500 else { throw RPCError.unavailable("\(target.rawValue) answered \(response.status.code)") }
                return Data(answer.readableBytesView)
            } catch let error as RPCError {
                throw error
            } catch let error as HTTPClientError where error == .deadlineExceeded {
                throw RPCError.deadlineExceeded("rpc to \(target.rawValue)")
            } catch {
                throw RPCError.unavailable("\(target.rawValue): \(error)")
            }
        }
    }
}
