import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TestSupport

/// Loops' transactional API as its documentation describes it: it takes what the real one takes and refuses what that refuses.
final class LoopsDouble: Sendable {
    struct Mail: Sendable, Equatable {
        let email: String
        let template: String
        let variables: [String: String]
        let key: String
    }

    private struct State {
        var delivered: [Mail] = []
        var keys: Set<String> = []
        var failures: [HTTPResponse.Status] = []
    }

    static let apiKey = "loops-test-key"
    /// What each template asks for.
    static let templates: [String: Set<String>] = [
        "tpl-verification": ["token", "code", "userName", "verificationUrl"], "tpl-default": ["subject", "text"],
    ]

    private let state = Mutex(State())

    var delivered: [Mail] { state.withLock { $0.delivered } }

    /// Answers the next requests so, before it looks at them.
    func fail(with statuses: HTTPResponse.Status...) {
        state.withLock { $0.failures += statuses }
    }

    /// Serves on a free port while `body` runs with the API's address.
    func serve<Value: Sendable>(_ body: @escaping @Sendable (String) async throws -> Value) async throws -> Value {
        let router = Router()
        router.on("/api/v1/transactional", method: .post) { request, _ in try await self.transactional(request) }
        router.on("/api/v1/transactional", method: .get) { _, _ in Self.json(.methodNotAllowed, ["error": "Method not allowed"]) }
        return try await LoopbackServer.serve(router) { try await body("\($0)/api/v1") }
    }

    private func transactional(_ request: Request) async throws -> Response {
        if let failure = state.withLock({ $0.failures.isEmpty ? nil : $0.failures.removeFirst() }) {
            var response = Self.json(failure, ["success": false, "message": "Try later"])
            if failure == .tooManyRequests {
                response.headers[.init("x-ratelimit-limit")!] = "10"
                response.headers[.init("x-ratelimit-remaining")!] = "0"
            }
            return response
        }
        guard request.headers[.authorization] == "Bearer \(Self.apiKey)" else { return Self.json(.unauthorized, ["error": "Invalid API key"]) }
        guard request.headers[.contentType]?.hasPrefix("application/json") == true else { return Self.refusal("Content-Type must be JSON") }
        let bytes = try await request.body.collect(upTo: 1 << 20)
        guard let body = try? JSONSerialization.jsonObject(with: Data(bytes.readableBytesView)) as? [String: Any] else {
            return Self.refusal("Invalid JSON")
        }
        guard let email = body["email"] as? String, email.contains("@"), !email.hasPrefix("refuse-") else {
            return Self.refusal("Invalid email", path: "email")
        }
        guard let template = body["transactionalId"] as? String else { return Self.refusal("Missing field", path: "transactionalId") }
        guard let wanted = Self.templates[template] else { return Self.json(.notFound, ["error": "Transactional email not found"]) }
        let known: Set<String> = ["email", "transactionalId", "addToAudience", "dataVariables", "attachments"]
        guard Set(body.keys).isSubset(of: known) else { return Self.refusal("Unknown field") }
        guard body["addToAudience"] is Bool?, let variables = (body["dataVariables"] ?? [String: String]()) as? [String: String] else {
            return Self.refusal("Invalid type", path: "dataVariables")
        }
        if let missing = wanted.subtracting(variables.keys).sorted().first {
            return Self.refusal("Missing required data variable", path: "dataVariables.\(missing)")
        }
        let key = request.headers[.init("Idempotency-Key")!] ?? ""
        guard key.count <= 100 else { return Self.refusal("Idempotency-Key is too long") }
        return state.withLock { state in
            if !key.isEmpty, !state.keys.insert(key).inserted {
                return Self.json(.conflict, ["success": false, "message": "Idempotency key has been used"])
            }
            state.delivered.append(Mail(email: email, template: template, variables: variables, key: key))
            return Self.json(.ok, ["success": true])
        }
    }

    private static func refusal(_ message: String, path: String? = nil) -> Response {
        var body: [String: Any] = ["success": false, "message": message]
        if let path { body["error"] = ["path": path, "message": message] }
        return json(.badRequest, body)
    }

    private static func json(_ status: HTTPResponse.Status, _ body: [String: Any]) -> Response {
        let data = (try? JSONSerialization.data(withJSONObject: body)) ?? Data()
        return Response(
            status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}
