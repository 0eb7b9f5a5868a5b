import Contracts
import Foundation
import HTTPTypes
public import Hummingbird
public import Logging
import Metrics
import NIOCore
public import Primitives

extension RPCRouter {
    private static var bodyLimit: Int { 4 << 20 }

    /// Adds `POST /rpc`, which demands a service token for us.
    public func mount<Context: RequestContext>(on router: Router<Context>, tokens: ServiceTokens, clock: WallClock, logger: Logger) {
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
            let context = RPCContext(
                caller: caller, traceparent: request.headers[.init("traceparent")!], deadline: started + .milliseconds(budget), logger: logger)
            let answer = await answer([UInt8](body.readableBytesView), context)
            Timer(label: "rpc_server_seconds", dimensions: [("caller", caller.rawValue)]).record(duration: .now - started)
            return Self.response(answer, .ok)
        }
    }

    private static func response(_ body: [UInt8], _ status: HTTPResponse.Status) -> Response {
        Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension HTTPField.Name {
    static let deadlineMilliseconds = Self("X-Deadline-Milliseconds")!
}
