import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives
import Synchronization

/// The double without its server: what it remembers, what it was asked and how it is to fail.
final class StripeDoubleCore: Sendable {
    /// One call, as it came and as it was answered.
    struct Call: Sendable {
        let method: String
        let path: String
        /// Names as they were sent, such as `items[0][price]`.
        let parameters: [String: String]
        let account: String
        let key: String?
        let version: String?
        /// Nil when the answer was lost on purpose.
        let status: Int?
        let isReplay: Bool
        /// What no client may do.
        let violation: String?
    }

    struct Failure: Sendable {
        enum Mode: Sendable {
            case status(Int, type: String = "api_error", code: String? = nil)
            /// Answers too late.
            case timeout(Duration = .seconds(30))
            /// Ends the connection in the middle of the answer.
            case reset
        }

        let prefix: String
        let mode: Mode
        let after: Bool
        var skip: Int
        var times: Int
    }

    private struct State: Sendable {
        var world = StripeWorld()
        var failures: [Failure] = []
        var calls: [Call] = []

        /// The failure that this call meets, if any.
        mutating func nextFailure(_ call: String) -> Failure? {
            guard let index = failures.firstIndex(where: { $0.times > 0 && call.hasPrefix($0.prefix) }) else { return nil }
            guard failures[index].skip == 0 else {
                failures[index].skip -= 1
                return nil
            }
            failures[index].times -= 1
            return failures[index]
        }
    }

    private struct Reset: Error {}

    private let state = Mutex(State())
    private let clock: WallClock

    init(clock: WallClock) {
        self.clock = clock
    }

    var now: Date { clock.now }
    var calls: [Call] { state.withLock { $0.calls } }

    func fail(_ failure: Failure) {
        state.withLock { $0.failures.append(failure) }
    }

    func recover() {
        state.withLock { $0.failures = [] }
    }

    func withWorld<Value: Sendable>(_ body: (inout StripeWorld, Date) -> Value) -> Value {
        let now = clock.now
        return state.withLock { body(&$0.world, now) }
    }

    // MARK: - Answering

    func answer(_ request: Request) async throws -> Response {
        let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
        let exchange = exchange(request, body: body)
        switch exchange.failure?.mode {
        case .timeout(let delay)?: try await Task.sleep(for: delay)
        case .reset?:
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(contentLength: 1_000) { writer in
                    try await writer.write(ByteBuffer(string: "{"))
                    throw Reset()
                })
        case .status?, nil: break
        }
        var headers: HTTPFields = [.contentType: "application/json", Self.name("Request-Id"): "req_double\(exchange.number)"]
        headers[Self.name("Stripe-Version")] = exchange.call.version ?? StripeSpecification.version
        if exchange.call.isReplay { headers[Self.name("Idempotent-Replayed")] = "true" }
        if exchange.failure != nil, [409, 429].contains(exchange.status) || exchange.status >= 500 {
            headers[Self.name("Stripe-Should-Retry")] = "true"
        }
        // An answer that comes too late to a call that had no effect.
        let status = exchange.status == 0 ? 503 : exchange.status
        return Response(
            status: .init(code: status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: exchange.body.data)))
    }

    private struct Exchange {
        let call: Call
        let number: Int
        let status: Int
        let body: DoubleJSON
        let failure: Failure?
    }

    /// All of it at one moment, as if calls came one after another.
    private func exchange(_ request: Request, body: String) -> Exchange {
        let (method, path, now) = (request.method.rawValue, request.uri.path, clock.now)
        let raw = method == "POST" ? body : request.uri.query ?? ""
        let call = StripeWorld.Call(
            method: method, path: path, raw: raw, fields: Self.fields(raw), account: request.headers[Self.name("Stripe-Account")] ?? "",
            key: request.headers[Self.name("Idempotency-Key")])
        let version = request.headers[Self.name("Stripe-Version")]
        let refusal = Self.refusal(of: call, request)
        return state.withLock { state in
            var answer: (status: Int, body: DoubleJSON, isReplay: Bool) = (refusal?.status ?? 0, refusal?.body ?? [:], false)
            let failure = refusal == nil ? state.nextFailure("\(method) \(path)") : nil
            if refusal == nil, failure?.after ?? true { answer = state.world.answer(call, at: now) }
            var isLost = false
            switch failure?.mode {
            case .status(let status, let type, let code)?:
                let said = StripeRefusal(status: status, message: "The double was told to fail.", code: code, type: type)
                answer = (status, said.body, false)
                if failure?.after == true { state.world.replaceAnswer(call, status: status, body: said.body) }
            case .timeout?, .reset?: isLost = true
            case nil: break
            }
            let unknown = answer.body["error"]["code"].string == "parameter_unknown" ? answer.body["error"]["message"].string : nil
            let made = Call(
                method: method, path: path, parameters: Dictionary(call.fields) { $1 }, account: call.account, key: call.key, version: version,
                status: isLost ? nil : answer.status, isReplay: answer.isReplay,
                violation: (refusal?.message ?? unknown).map { "\(method) \(path): \($0)" })
            state.calls.append(made)
            return Exchange(call: made, number: state.calls.count, status: answer.status, body: answer.body, failure: failure)
        }
    }

    /// What is wrong with a call before anybody looks at its parameters.
    private static func refusal(of call: StripeWorld.Call, _ request: Request) -> StripeRefusal? {
        guard request.headers[.authorization] == "Bearer \(StripeDouble.secretKey)" else {
            return StripeRefusal(status: 401, message: "Invalid API Key provided")
        }
        guard request.headers[name("Stripe-Version")] == StripeSpecification.version else {
            return StripeRefusal(status: 400, message: "Stripe-Version must be pinned to \(StripeSpecification.version)")
        }
        guard call.method == "GET" || (1...255).contains(call.key?.utf8.count ?? 0) else {
            return StripeRefusal(status: 400, message: "The double wants an Idempotency-Key with every change")
        }
        guard call.method != "POST" || request.headers[.contentType] == "application/x-www-form-urlencoded" else {
            return StripeRefusal(status: 400, message: "The content type is not application/x-www-form-urlencoded")
        }
        return nil
    }

    private static func fields(_ form: String) -> [(String, String)] {
        form.split(separator: "&").map { field in
            let sides = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                $0.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? String($0)
            }
            return (sides[0], sides.count == 2 ? sides[1] : "")
        }
    }

    private static func name(_ text: String) -> HTTPField.Name {
        HTTPField.Name(text)!
    }
}
